"""Notices that somebody has set the wall clock back, and dates what waits anew.

Else a message that was due at once, or a minute after its last try, would wait for as long as the
clock was wrong. A clock that is set forward makes retries come early, by no more than that.
"""

from __future__ import annotations

from collections.abc import Callable

from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import StoreError
from mail_proxy.observe import events
from mail_proxy.store import Store

STEP_S = 2.0  # less is what keeps a clock right all the time


class Wall:
    """`look` is told when the rows are dated anew."""

    def __init__(self, store: Store, clock: Clock, *, look: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._look = look
        self._ahead_s = clock.now() - clock.monotonic()

    def set_back_s(self) -> float:
        """By how much it was set back since the last call; 0.0 for nothing of note."""
        before, self._ahead_s = self._ahead_s, self._clock.now() - self._clock.monotonic()
        back_s = before - self._ahead_s
        return back_s if back_s >= STEP_S else 0.0

    async def redate(self, back_s: float) -> None:
        events.clock_set_back(seconds=back_s)
        try:
            await self._store.set_back(back_s, now=self._clock.now())
        except StoreError as error:  # what was not reached is sent later by that time, and not lost
            events.store_trouble(where="clock", error=error)
        self._look()
