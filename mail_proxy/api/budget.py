"""Room that large bodies share: on the disk while they arrive, in memory while they are worked on.

A body of 60 MB takes several times that while it is parsed, checked and stored, so a handful of
them at once would be the daemon's end. Those that find no room wait, in the order they came; one
caller gets a quarter of the room at most, so that its large posts leave the others theirs.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from mail_proxy.domain.errors import TooMany

SMALL_BYTES = 256 * 1024  # such bodies do not wait: their number is bounded by that of connections
SHARES = 4
RETRY_AFTER_S = 5.0


@dataclass(frozen=True, slots=True)
class _Waiting:
    who: str
    n: int
    turn: asyncio.Future[None]


class BodyBudget:
    """`room` of `total_bytes`, for all that listens in a process."""

    def __init__(self, total_bytes: int) -> None:
        self._total = total_bytes
        self._used: Counter[str] = Counter()
        self._waiting: deque[_Waiting] = deque()

    @property
    def used_bytes(self) -> int:
        return self._used.total()

    @asynccontextmanager
    async def room(self, who: str, n: int, *, timeout_s: float) -> AsyncIterator[None]:
        """Inside, `n` bytes are the caller's. Raises TooMany when it waits longer than that."""
        if n <= SMALL_BYTES:
            yield
            return
        await self._take(who, n, timeout_s)
        try:
            yield
        finally:
            self._give_back(who, n)

    async def _take(self, who: str, n: int, timeout_s: float) -> None:
        waiting = _Waiting(who, n, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._let_in()
        try:
            async with asyncio.timeout(timeout_s):
                await waiting.turn
        except BaseException as error:
            if waiting.turn.done() and not waiting.turn.cancelled():
                self._give_back(who, n)  # its turn came in the same moment
            else:
                self._waiting.remove(waiting)
                self._let_in()  # it may have been what the others waited behind
            if isinstance(error, TimeoutError):
                raise TooMany(
                    "too many large bodies are being read, and this one found no room",
                    limit="bodies",
                    retry_after_s=RETRY_AFTER_S,
                ) from None
            raise

    def _give_back(self, who: str, n: int) -> None:
        self._used[who] -= n
        if not self._used[who]:
            del self._used[who]
        self._let_in()

    def _let_in(self) -> None:
        """Whoever fits, the first first; what waits for its own caller's room holds nobody up."""
        left = self._total - self.used_bytes
        for waiting in list(self._waiting):
            if waiting.turn.done() or self._is_over_its_share(waiting):
                continue
            if waiting.n > left and self._used:
                return
            left -= waiting.n
            self._used[waiting.who] += waiting.n
            self._waiting.remove(waiting)
            waiting.turn.set_result(None)

    def _is_over_its_share(self, waiting: _Waiting) -> bool:
        """A single body always fits, however large it is allowed to be."""
        used = self._used[waiting.who]  # a Counter makes no entry for a look
        return used > 0 and used + waiting.n > self._total // SHARES
