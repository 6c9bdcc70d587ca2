"""How long something took of late: percentiles of the last minutes, from a histogram's buckets.

A histogram of Prometheus counts from the start, and after a day it tells nothing of now.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence

from mail_proxy.domain.clock import Clock

MINUTES = 10


class Durations:
    """Counts by minute; what is older than MINUTES is forgotten."""

    def __init__(self, bounds: Sequence[float], clock: Clock) -> None:
        """bounds: upper ends of the buckets, rising, in seconds."""
        self._bounds = bounds
        self._clock = clock
        self._minutes: deque[tuple[int, list[int]]] = deque(maxlen=MINUTES)

    def observe(self, seconds: float) -> None:
        minute = int(self._clock.monotonic() // 60)
        if not self._minutes or self._minutes[-1][0] != minute:
            self._minutes.append((minute, [0] * (len(self._bounds) + 1)))
        self._minutes[-1][1][bisect_left(self._bounds, seconds)] += 1

    def percentiles(self, *wanted: float) -> list[float] | None:
        """In seconds, each between 0 and 1; None where nothing was observed.

        Within a bucket all are taken to lie evenly, as `histogram_quantile` of Prometheus does.
        """
        since = int(self._clock.monotonic() // 60) - MINUTES
        recent = [counts for minute, counts in self._minutes if minute > since]
        counts = [sum(of_bucket) for of_bucket in zip(*recent, strict=True)]
        if not any(counts):
            return None
        return [self._percentile(counts, part * sum(counts)) for part in wanted]

    def _percentile(self, counts: Sequence[int], rank: float) -> float:
        below, low = 0, 0.0
        for bound, n in zip(self._bounds, counts, strict=False):
            if n and below + n >= rank:
                return low + (bound - low) * (rank - below) / n
            below, low = below + n, bound
        return low  # beyond the last bound nothing is known
