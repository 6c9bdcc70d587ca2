"""Time and chance come in through one Clock given at the top, so tests never sleep."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump; for timeouts and leases."""
        ...

    def dice(self) -> float:
        """Uniform in [0, 1)."""
        ...

    async def sleep(self, seconds: float) -> None: ...


def on_monotonic(clock: Clock, at: float) -> float:
    """What the monotonic clock will show when the wall clock, unless it jumps, shows `at`."""
    now = clock.monotonic()  # first: a moment too early does no harm, the rows are asked again
    return now + (at - clock.now())


class SystemClock:
    """The machine's own."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def dice(self) -> float:
        return random.random()  # noqa: S311 - spreads retries, guards nothing

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
