"""G12: the plan of retries is kept, survives a restart, and can last for days."""

from __future__ import annotations

from typing import Any

import pytest

from mail_proxy.domain.reply import Stage
from mail_proxy.domain.state import State

House = Any  # see tests/delivery/conftest.py
DEFAULT_PLAN_S = [60, 300, 900, 3600, 7200]
JITTER = 0.1


async def _next_try(house: House, results: int) -> float:
    """Move the clock to the next try and run it; when it was, since the first one."""
    row = await house.row("m1")
    house.clock.advance(max(0.0, row.due_at - house.clock.now()))
    house.engine.wake_all()
    await house.statuses(results)
    return float(house.clock.now())


async def test_g12_the_default_plan_is_what_the_manual_says(house: House) -> None:
    house.relay.answer(Stage.RCPT, "451 4.7.1 later")
    began = house.clock.now()
    waits = []
    async with house.running():
        await house.post("m1")
        await house.statuses(1)
        for n in range(2, 7):
            at = await _next_try(house, n)
            waits.append(at - began)
            began = at
    assert len(waits) == len(DEFAULT_PLAN_S)
    for wait, planned in zip(waits, DEFAULT_PLAN_S, strict=True):
        assert planned <= wait <= planned * (1 + JITTER) + 1
    assert waits[0] + waits[1] < 3600  # two tries in the first hour
    assert (await house.row("m1")).state is State.FAILED


async def test_g12_a_server_that_says_later_for_three_days_gets_it_then(house: House) -> None:
    await house.add_account("main", retry_delays=(600.0, 7200.0), max_retries=100)
    house.relay.answer(Stage.RCPT, "451 4.7.1 later")
    began = house.clock.now()
    results = 1
    async with house.running():
        await house.post("m1")
        await house.statuses(1)
        while house.clock.now() < began + 3 * 86400:
            results += 1
            await _next_try(house, results)
        house.relay.obey()
        await _next_try(house, results + 1)
    row = await house.row("m1")
    assert row.state is State.SENT
    assert row.tries == results + 1
    assert set(house.relay.copies.values()) == {1}


async def test_g12_a_restart_changes_no_time(house: House) -> None:
    house.relay.answer(Stage.RCPT, "451 4.7.1 later", times=1)
    async with house.running():
        await house.post("m1")
        await house.statuses(1)
    before = (await house.row("m1")).due_at
    house.make_engine()
    async with house.running():
        house.clock.advance(before - house.clock.now() - 1)
        house.engine.wake_all()
        assert (await house.row("m1")).due_at == before
        assert house.relay.count == 0
        house.clock.advance(1)
        house.engine.wake_all()
        assert await house.statuses(2) == ["deferred", "sent"]


@pytest.mark.slow
async def test_g12_a_kill_changes_no_time(site: Any) -> None:
    async with site() as here:
        await here.relay.script({"at": Stage.RCPT, "reply": "451 4.7.1 later"})
        await here.post_many([f"m{n}" for n in range(20)])
        statement = "SELECT id, due_at FROM messages WHERE state = 'waiting' AND tries = 1"
        while len(before := here.query(statement)) < 20:
            await here.relay.state()
        await here.kill()
        await here.start()
        await here.relay.state()
        after = here.query(statement)
    assert sorted(after) == sorted(before)
