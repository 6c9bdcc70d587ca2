"""G2: the same id again makes no second message, whatever became of the first answer."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.faults.client import message
from tests.faults.figures import record
from tests.faults.profile import seeded, sized
from tests.faults.receiver import copies

pytestmark = pytest.mark.slow

Sites = Any  # see conftest


async def _post_and_hang_up(port: int, key: str, id_: str, after_s: float) -> None:
    """The whole request leaves; the connection is cut before the answer is read."""
    body = json.dumps({"messages": [message(id_)]}).encode()
    head = (
        f"POST /commands/add-messages HTTP/1.1\r\nHost: localhost\r\nX-API-Token: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode() + body)
    await writer.drain()
    await asyncio.sleep(after_s)
    writer.transport.abort()


async def test_g2_posts_whose_answer_was_lost_are_sent_once(site: Sites) -> None:
    times = sized(60, 200)
    chance = seeded("g2")
    async with site() as here:
        client = here.new_client()
        for n in range(times):
            await _post_and_hang_up(here.port, here.key, f"m{n}", chance.uniform(0, 0.01))
            await client.post_until_answered([f"m{n}"])
        await here.until_empty()
        came = copies(await here.relay.seen())
        ledger = await here.check()
    assert len(ledger.states) == times
    assert set(came.values()) == {1}
    record("G2 lost answers", posts=times, copies_most=max(came.values()))


async def test_g2_the_same_id_from_two_at_once_is_one_message(site: Sites) -> None:
    times = sized(100, 500)
    async with site() as here:
        one, other = here.new_client(), here.new_client()
        for n in range(times):
            await asyncio.gather(
                one.post_until_answered([f"m{n}"]), other.post_until_answered([f"m{n}"])
            )
        await here.until_empty()
        came = copies(await here.relay.seen())
        ledger = await here.check(with_reports=True)
    assert len(ledger.states) == times
    assert set(came.values()) == {1}
    record("G2 two at once", ids=times, rows=len(ledger.states), copies_most=1)


async def test_g2_before_its_turn_the_later_content_counts(site: Sites) -> None:
    async with site() as here:
        await here.call("suspend")
        client = here.new_client()
        await client.post(["m1"], to=["old@example.com"])
        await client.post(["m1"], to=["new@example.com"])
        await here.call("activate")
        await here.until_empty()
        came = copies(await here.relay.seen())
    assert came == {("m1", "new@example.com"): 1}
