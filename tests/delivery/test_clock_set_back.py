"""A clock that is set back makes nobody wait longer."""

from __future__ import annotations

from typing import Any

from mail_proxy.domain.reply import Stage

House = Any


class SplitClock:
    """The house's clock, whose wall time can be set."""

    def __init__(self, hand: Any) -> None:
        self._hand = hand
        self.off_s = 0.0

    def now(self) -> float:
        return float(self._hand.now()) + self.off_s

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hand, name)


async def test_a_limit_is_waited_for_as_long_as_before(house: House) -> None:
    hand, house.clock = house.clock, SplitClock(house.clock)
    house.make_engine()
    await house.add_account("main", limit_per_minute=2)
    await house.add_account("other")
    async with house.running() as engine:
        await house.post("m1", "m2")
        await house.statuses(2)
        await house.post("m3", due_at=house.clock.now() - 7200, wakes=False)
        engine.wake_all()
        await house.store.get_account("acme", "main")
        house.clock.off_s = -7200.0
        hand.advance(62)
        engine.wake("acme", "other")  # a running daemon looks up each minute
        assert await house.statuses(3) == ["sent", "sent", "sent"]


async def test_a_pause_lasts_as_long_as_before(house: House) -> None:
    hand, house.clock = house.clock, SplitClock(house.clock)
    house.make_engine()
    house.relay.answer(Stage.CONNECT, "421 4.7.0 go away", times=1)
    await house.add_account("other")
    async with house.running() as engine:
        await house.post("m1", due_at=house.clock.now() - 7200)
        await house.until_paused()
        house.clock.off_s = -7200.0
        hand.advance(60)
        engine.wake("acme", "other")  # a running daemon looks up each minute
        assert await house.statuses(1) == ["sent"]
