"""G8: a second copy only where nobody can know: the dot was sent, and no reply came."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.script import Moment
from tests.faults.figures import record
from tests.faults.profile import SOAK, sized
from tests.faults.receiver import copies

pytestmark = pytest.mark.slow

Sites = Any  # see conftest
LATE_S = sized(1.5, 40.0)
COUNT = sized(8, 50)
LONG_BODY = "A line of a long letter, of which there are many more to come.\n" * 200_000  # 13 MB
PATIENCE_S = sized(30.0, 120.0)

POLICIES = pytest.mark.parametrize("in_doubt", ["resend", "hold"])


def _each(rule: dict[str, Any]) -> list[dict[str, Any]]:
    """The rule, once for each message."""
    return [{**rule, "recipient": f"r{n}@x.example", "left": 1} for n in range(COUNT)]


async def _run(here: Any, *rules: dict[str, Any]) -> None:
    await here.relay.script(*rules)
    client = here.new_client()
    for n in range(COUNT):
        await client.post_until_answered([f"m{n}"], to=[f"r{n}@x.example"])


async def _mended(here: Any, in_doubt: str) -> None:
    """Change the account, which ends its pause, until all has gone."""
    async with asyncio.timeout(PATIENCE_S):
        while (await here.call("getStatus"))["pending_messages"]:
            await here.add_account(in_doubt=in_doubt, retry_delays=[0.2])
            await asyncio.sleep(0.2)


async def _settled(here: Any) -> Any:
    await here.until_empty()
    return await here.check(with_reports=True)


@POLICIES
async def test_g8a_a_drop_before_the_dot_is_sent_once(site: Sites, in_doubt: str) -> None:
    async with site(in_doubt=in_doubt, retry_delays=[0.2]) as here:
        await here.call("suspend")
        await _run(here, {"at": Stage.DATA, "drop": "before", "left": COUNT // 2})
        await here.call("activate")
        await _mended(here, in_doubt)
        ledger = await here.check(with_reports=True)
        came = copies(await here.relay.seen())
    assert ledger.counted == {"sent": COUNT}
    assert set(came.values()) == {1}
    assert not ledger.doubts()


@POLICIES
async def test_g8a_a_drop_in_a_long_body_is_sent_once(site: Sites, in_doubt: str) -> None:
    """Longer than what the system takes in advance, so its dot cannot have left."""
    async with site(in_doubt=in_doubt, retry_delays=[0.2]) as here:
        await here.relay.script({"at": Moment.BODY, "drop": "before", "after_bytes": 1, "left": 1})
        await here.post_many(["m1"], body=LONG_BODY)
        await _mended(here, in_doubt)
        ledger = await here.check(with_reports=True)
        came = copies(await here.relay.seen())
    assert ledger.counted == {"sent": 1}
    assert set(came.values()) == {1}
    assert not ledger.doubts()


@POLICIES
@pytest.mark.parametrize("when", ["before", "during"])
async def test_g8bc_without_a_whole_reply_it_is_in_doubt(
    site: Sites, in_doubt: str, when: str
) -> None:
    async with site(in_doubt=in_doubt, retry_delays=[0.2]) as here:
        await _run(here, *_each({"at": Stage.DOT, "drop": when}))
        ledger = await _settled(here)
        seen = await here.relay.seen()
        marked = await here.metric("gmp_in_doubt_total")
    came = copies(seen)
    message_ids = {mail.id: {m.message_id for m in seen if m.id == mail.id} for mail in seen}
    assert all(len(ids) == 1 for ids in message_ids.values())
    assert ledger.doubts() == dict.fromkeys(ledger.states, 1)
    assert marked == COUNT
    if in_doubt == "hold":
        assert ledger.counted == {"in_doubt": COUNT}
        assert set(came.values()) == {1}
    else:
        assert ledger.counted == {"sent": COUNT}
        assert set(came.values()) == {2}
    record(f"G8 {when} the reply, {in_doubt}", messages=COUNT, copies=sum(came.values()))


@POLICIES
async def test_g8d_a_late_reply_is_waited_for(site: Sites, in_doubt: str) -> None:
    async with site(in_doubt=in_doubt, max_connections=10) as here:
        await _run(here, {"at": Stage.DOT, "delay_s": LATE_S})
        await here.until_empty(timeout_s=COUNT * LATE_S)
        ledger = await _settled(here)
        came = copies(await here.relay.seen())
    assert ledger.counted == {"sent": COUNT}
    assert set(came.values()) == {1}
    assert not ledger.doubts()


@POLICIES
async def test_g8e_a_421_to_the_dot_is_a_refusal(site: Sites, in_doubt: str) -> None:
    """Refused is not in doubt, so it goes again under both policies, and is there once."""
    async with site(in_doubt=in_doubt, retry_delays=[0.2]) as here:
        refusals = 3
        await _run(here, {"at": Stage.DOT, "reply": "421 4.3.2 closing", "left": refusals})
        await _mended(here, in_doubt)
        ledger = await here.check(with_reports=True)
        seen = await here.relay.seen()
    assert ledger.counted == {"sent": COUNT}
    assert set(copies(seen).values()) == {1}
    assert sum(not mail.taken for mail in seen) == refusals
    assert not ledger.doubts()
    assert all(tries <= 1 for tries in ledger.tries.values())


@pytest.mark.skipif(not SOAK, reason="one case of 600 s")
async def test_g8_no_reply_at_all_is_given_up_after_ten_minutes(site: Sites) -> None:
    async with site(in_doubt="hold") as here:
        await here.relay.script({"at": Stage.DOT, "hangs": True})
        await here.post_many(["m1"])
        await here.until_empty(timeout_s=660)
        ledger = await here.check()
    assert ledger.counted == {"in_doubt": 1}
