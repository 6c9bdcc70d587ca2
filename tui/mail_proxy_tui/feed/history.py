"""What went out in each of the last 600 seconds, from counters that only grow. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import repeat

from mail_proxy_tui.feed.base import Totals

KEPT_S = 600

_Second = tuple[float, float, float]


class History:
    """Differences of `Totals`, one a second, newest last.

    Answers that come further apart are spread over their seconds. Where nobody counted is None: a
    gap, as after a restart of the daemon, whose counters begin at zero again.
    """

    def __init__(self, kept_s: int = KEPT_S) -> None:
        self._seconds: deque[_Second | None] = deque(maxlen=kept_s)
        self._kept_s = kept_s
        self._last: tuple[float, Totals | None] | None = None

    def add(self, at: float, totals: Totals | None) -> None:
        """What an answer said; None: there was none, as from a daemon that is down.

        at: seconds of a clock that only grows. A second that has begun waits for the next answer.
        """
        if self._last is None:
            self._last = (at, totals)
            return
        since, before = self._last
        n = int(at - since)
        if n >= 1:
            self._seconds.extend(repeat(_rates(before, totals, n), min(n, self._kept_s)))
            self._last = (since + n, totals)

    def break_off(self) -> None:
        """Something else is counted from now on: the second that has begun is a gap."""
        if self._last is not None:
            self._last = (self._last[0], None)

    @property
    def sent(self) -> Sequence[float | None]:
        return self._one(0)

    @property
    def deferred(self) -> Sequence[float | None]:
        return self._one(1)

    @property
    def failed(self) -> Sequence[float | None]:
        return self._one(2)

    def _one(self, which: int) -> Sequence[float | None]:
        return [None if second is None else second[which] for second in self._seconds]


def _rates(before: Totals | None, after: Totals | None, seconds: int) -> _Second | None:
    if before is None or after is None:
        return None
    sent, deferred = after.sent - before.sent, after.deferred - before.deferred
    failed = after.failed - before.failed
    if min(sent, deferred, failed) < 0:
        return None
    return sent / seconds, deferred / seconds, failed / seconds
