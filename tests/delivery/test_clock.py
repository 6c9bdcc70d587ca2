"""Somebody sets the clock of the machine."""

from __future__ import annotations

from typing import Any

from mail_proxy.domain.reply import Stage

House = Any


async def test_what_waits_goes_out_in_its_time_after_the_clock_was_set_back(house: House) -> None:
    house.relay.answer(Stage.RCPT, "451 4.7.1 later", times=1)
    async with house.running() as engine:
        await house.post("m1")
        assert await house.statuses(1) == ["deferred"]
        house.clock.jump(-7200)
        house.clock.advance(30)
        await house.post("m2", wakes=False)
        engine.wake_all()
        assert await house.statuses(2) == ["deferred", "sent"]
        await house.until_due_by(30, "m1")
        house.clock.advance(31)
        engine.wake_all()
        assert await house.statuses(3) == ["deferred", "sent", "sent"]


async def test_a_schedule_is_kept_by_the_clock_that_is_right_now(house: House) -> None:
    at = int(house.clock.now()) + 60
    async with house.running() as engine:
        await house.post("m1", due_at=float(at), deferred_ts=at)
        house.clock.jump(-7200)
        house.clock.advance(60)
        await house.post("m2", wakes=False)
        engine.wake_all()
        await house.statuses(1)
        house.clock.advance(7200)
        engine.wake_all()
        await house.statuses(2)
    assert [result["id"] for result in house.results] == ["m2", "m1"]
