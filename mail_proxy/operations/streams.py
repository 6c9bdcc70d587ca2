"""Answers without an end: how many there may be at once, how they wait, and what ends them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from mail_proxy.domain.errors import TooMany
from mail_proxy.observe.news import Line
from mail_proxy.wire.caller import Caller

MOST = 48  # open at once
MOST_OF_TENANTS = 32  # of these; the admin finds a place whatever the tenants do
MOST_OF_ONE = 8  # of one tenant
RETRY_AFTER_S = 10.0


class Stream(Protocol):
    """What a face sends. Whoever opened it closes it."""

    async def next(self, wait_s: float) -> list[Line] | None:
        """What is new, waited for that long; an empty list when nothing came; None: it is over."""
        ...

    @property
    def why_over(self) -> str:
        """One sentence, once `next` has said None."""
        ...

    def close(self) -> None: ...


class Streams:
    """Those that are open."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()  # by tenant; the admin's are under ""
        self._stopping = asyncio.Event()

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def stop(self) -> None:
        """All of them end at once, and new ones as they begin."""
        self._stopping.set()

    def place(self, caller: Caller) -> Callable[[], None]:
        """Take a place; what it returns gives it back, once. Raises TooMany."""
        whose = caller.tenant_id or ""
        of_tenants = self._open.total() - self._open[""]
        is_full = self._open.total() >= MOST or (
            bool(whose) and (self._open[whose] >= MOST_OF_ONE or of_tenants >= MOST_OF_TENANTS)
        )
        if is_full:
            raise TooMany(
                "too many streams are open",
                limit="streams",
                retry_after_s=RETRY_AFTER_S,
                hint="close one that nobody reads",
            )
        self._open[whose] += 1
        given_back = False

        def give_back() -> None:
            nonlocal given_back
            if not given_back:
                given_back = True
                self._open[whose] -= 1
                self._open += Counter()  # what is zero is forgotten

        return give_back

    async def rest(self, seconds: float) -> None:
        """That long, or until all are to end."""
        if seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass


class End:
    """When one stream is over, and why."""

    def __init__(self, streams: Streams, *, now: float, for_s: float | None) -> None:
        """now: monotonic."""
        self._streams = streams
        self.at = None if for_s is None else now + for_s
        self.why = ""

    def has_come(self, now: float) -> bool:
        if self._streams.is_stopping:
            self.why = "the daemon stops"
        elif self.at is not None and now >= self.at:
            self.why = "the time that was asked for is over"
        return bool(self.why)

    def wait_s(self, wait_s: float, now: float) -> float:
        """That long, but no longer than until the end."""
        return wait_s if self.at is None else min(wait_s, max(0.0, self.at - now))


async def collected(stream: Stream) -> list[dict[str, Any]]:
    """All that it tells; for those who asked for a part of it."""
    found: list[dict[str, Any]] = []
    try:
        while (lines := await stream.next(1.0)) is not None:
            found += [line.told() for line in lines]
    finally:
        stream.close()
    return found
