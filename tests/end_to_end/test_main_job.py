"""The main job through a real daemon: posted over REST, delivered over SMTP, reported back."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from mail_proxy.domain.reply import Stage

PATIENCE_S = 120.0
Running = Any  # see conftest: an instance with a tenant, an account, a relay and an application


@pytest.mark.slow
async def test_each_recipient_of_a_message_has_its_own_result(
    running: Running,
) -> None:
    to = ["a@x.example", "b@x.example", "c@x.example", "d@x.example"]
    async with running(retry_delays=[0.2]) as main:
        main.relay.answer(Stage.RCPT, "550 5.1.1 no such user", recipient="c@x.example")
        main.relay.answer(Stage.RCPT, "451 4.7.1 later", recipient="d@x.example", times=1)
        async with aiohttp.ClientSession() as session:
            await main.post(session, ["m1"], to=to)
        await main.application.wait_for(2, timeout_s=PATIENCE_S)
        answer = await main.call("getMessage", id="m1", tenant_id="acme")
    states = {r["address"]: r["state"] for r in answer["message"]["recipients"]}
    assert states == {
        "a@x.example": "accepted",
        "b@x.example": "accepted",
        "c@x.example": "refused",
        "d@x.example": "accepted",
    }
    assert sorted(main.relay.copies.values()) == [1, 1, 1]
    deferred, final = main.application.entries
    assert deferred["deferred_reason"] == "4.7.1 later (SMTP 451)"
    assert [entry["recipient"] for entry in final["refused"]] == ["c@x.example"]


@pytest.mark.slow
async def test_ten_thousand_messages_arrive_once_each_over_a_restart(
    running: Running,
) -> None:
    total = 5000
    async with running() as main, aiohttp.ClientSession() as session:
        for first in range(0, total, 100):
            await main.post(session, [f"batch-{n}" for n in range(first, first + 100)])
        singles = iter(range(total))
        halfway = asyncio.Event()

        async def client() -> None:
            for n in singles:
                if n == total // 2:
                    halfway.set()
                await main.post(session, [f"single-{n}"])

        async def restart() -> None:
            await halfway.wait()
            await main.stop()
            await main.start()

        async with asyncio.TaskGroup() as group:
            group.create_task(restart())
            for _ in range(32):
                group.create_task(client())
        await main.until_empty()
        assert set(main.relay.copies.values()) == {1}
        assert len(main.relay.copies) == 2 * total
        assert await main.statuses() == {"sent": 2 * total}
        stats = await main.call("getStats")
        assert stats["messages"] == {"pending": 0, "sent": 2 * total, "error": 0}
        assert await main.metric("gmp_pending_messages") == 0
        await main.application.wait_for(2 * total, timeout_s=PATIENCE_S)
        reported = [entry["id"] for entry in main.application.entries if "sent_ts" in entry]
        assert len(set(reported)) == 2 * total


@pytest.mark.slow
async def test_a_killed_daemon_loses_nothing(running: Running) -> None:
    total = 2000
    async with running(retry_delays=[0.2]) as main, aiohttp.ClientSession() as session:
        main.relay.delay(Stage.DOT, 0.002)
        for first in range(0, total, 100):
            await main.post(session, [f"m{n}" for n in range(first, first + 100)])
        await main.relay.wait_for(total // 4, timeout_s=PATIENCE_S)
        await main.kill()
        await main.start()
        await main.until_empty()
        assert await main.statuses() == {"sent": total}
        assert len(main.relay.copies) == total
        repeats = sum(main.relay.copies.values()) - total
        print(f"kill -9 while {total} messages drained: none lost, {repeats} sent again")
        # Without a journal what was sent and not yet written goes again: the batch in hand.
        assert repeats < total // 4
