"""How often somebody may ask: a burst of a minute's worth, and so many a minute in the long run.

Kept in memory as one number for each who asks: the time at which all that was asked would have been
paid off at the even rate (the generic cell rate algorithm, ITU-T I.371).
"""

from __future__ import annotations

from collections import OrderedDict

from mail_proxy.domain.clock import Clock

MINUTE_S = 60.0
REMEMBERED = 10_000  # who asked last; the others have long been forgiven, or are too many to count


class Pace:
    """Of many, each by a key of its own. `per_minute` 0 is no limit."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._paid_at: OrderedDict[str, float] = OrderedDict()  # steady seconds

    def wait_s(self, key: str, per_minute: int) -> float:
        """0 when `key` may ask now, else the seconds until it may."""
        if not per_minute:
            return 0.0
        now = self._clock.monotonic()
        room = MINUTE_S - MINUTE_S / per_minute
        return max(0.0, self._paid_at.get(key, now) - now - room)

    def count(self, key: str, per_minute: int) -> None:
        """`key` has asked once more."""
        if not per_minute:
            return
        now = self._clock.monotonic()
        self._paid_at[key] = max(self._paid_at.get(key, now), now) + MINUTE_S / per_minute
        self._paid_at.move_to_end(key)
        if len(self._paid_at) > REMEMBERED:
            self._paid_at.popitem(last=False)
