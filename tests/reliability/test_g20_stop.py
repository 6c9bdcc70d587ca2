"""G20: SIGTERM: what is on the wire ends, the rest goes back, and that within the grace time."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from mail_proxy.domain.reply import Stage
from tests.faults.figures import record
from tests.faults.receiver import copies

pytestmark = pytest.mark.slow

Sites = Any  # see conftest
IN_FLIGHT = 20


async def test_g20_what_is_on_the_wire_ends_first(site: Sites) -> None:
    async with site(max_connections=IN_FLIGHT) as here:
        for n in range(4):  # an account alone gets no more than its share of the connections
            await here.add_account(id=f"a{n}", max_connections=IN_FLIGHT // 4)
        await here.relay.delay(Stage.DOT, 3.0)
        for n in range(4):
            await here.post_many([f"m{n}-{k}" for k in range(50)], account_id=f"a{n}")
        state = await here.relay.until(lambda state: state.phases.count("dot") >= IN_FLIGHT // 2)
        began = time.monotonic()
        await here.stop()
        took_s = time.monotonic() - began
        sent = {mail.id for mail in await here.relay.seen()}
        ledger = await here.check()
    finished = {id_ for id_, state_ in ledger.states.items() if state_ == "sent"}
    assert took_s < 10.0  # 3 s of the replies, and what a busy machine adds
    assert finished == sent
    assert len(sent) >= state.phases.count("dot")
    assert set(ledger.counted) == {"sent", "waiting"}
    assert not ledger.doubts()
    record("G20", in_flight=len(sent), seconds=round(took_s, 1), left_in_sending=0)


async def test_g20_a_reply_that_never_comes_holds_it_no_longer_than_the_grace(
    site: Sites,
) -> None:
    async with site(settings={"GMP_STOP_GRACE_S": "1"}) as here:
        await here.relay.script({"at": Stage.DOT, "hangs": True})
        await here.post_many(["m1"])
        await here.relay.until(lambda state: "dot" in state.phases)
        began = time.monotonic()
        await here.stop()
        took_s = time.monotonic() - began
        await here.relay.script()
        await here.start()
        (state,) = {row[0] for row in here.query("SELECT state FROM messages")}
        ledger = await here.check()
    assert took_s < 8.0
    assert state in {"waiting", "sent", "leased"}
    assert ledger.doubts() == {"m1": 1}  # the dot was sent: nobody can know


async def test_g20_a_second_sigterm_ends_it_at_once(site: Sites) -> None:
    async with site() as here:
        await here.relay.script({"at": Stage.DOT, "hangs": True})
        await here.post_many(["m1"])
        await here.relay.until(lambda state: "dot" in state.phases)
        began = time.monotonic()
        stopping = asyncio.create_task(here.stop())
        await asyncio.sleep(0.5)
        await here.stop()
        await stopping
        took_s = time.monotonic() - began
        await here.relay.script()
        await here.start()
        await here.check()
        assert copies(await here.relay.seen())["m1", "ann@example.com"] >= 1
    assert took_s < 10.0
