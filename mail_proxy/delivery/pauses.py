"""A fault of an account pauses it, longer each time; a delivery lifts the pause."""

from __future__ import annotations

from mail_proxy.delivery.lane import Lane
from mail_proxy.delivery.results import Told
from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import StoreError
from mail_proxy.observe import events
from mail_proxy.store import Store


class Pauses:
    """Decides in memory at once; the row, which screens and a restart read, follows."""

    def __init__(self, store: Store, clock: Clock, told: Told) -> None:
        self._store = store
        self._clock = clock
        self._told = told

    def fault(self, lane: Lane, why: str) -> bool:
        """Pause the account. False when it is paused already: one fault, many connections."""
        now = self._clock.monotonic()
        if lane.paused_until > now:
            return False
        until = lane.fault(now, self._clock.dice())
        self._told.paused(lane.key, why=why, pause_s=until - now)
        return True

    def lift(self, lane: Lane) -> bool:
        """The account works. False when nobody had thought otherwise."""
        if not lane.failures:
            return False
        lane.failures = 0
        lane.paused_until = 0.0
        self._told.resumed(lane.key)
        return True

    async def record(self, lane: Lane, why: str | None) -> None:
        """Write the pause of the lane to its row."""
        now = self._clock.now()
        left_s = lane.paused_until - self._clock.monotonic()
        fields = {
            "paused_until": now + left_s if lane.paused_until else None,
            "paused_reason": why,
            "failures": lane.failures,
        }
        try:
            await self._store.change_account(*lane.key, fields, now=now)
        except StoreError as error:
            events.store_trouble(where="pause", error=error)
