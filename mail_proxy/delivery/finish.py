"""Writes results down: continuously, in batches as they come, and never loses one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import StoreFull, StoreUnavailable
from mail_proxy.observe import events
from mail_proxy.observe.log import gathered
from mail_proxy.store import Claimed, Outcome, Store

MOST_WAITING = 2000  # results not yet written; beyond, nobody begins another message
_RETRY_S = 1.0
_LAST_S = 5.0  # for what is left when the engine is cancelled


class Ended(NamedTuple):
    """An attempt that is over; `seconds` is how long it took."""

    message: Claimed
    outcome: Outcome
    seconds: float


class Finisher:
    """`put` never waits, so that nothing stands between a 250 and its record."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        written: Callable[[list[Ended], set[int]], None],
        *,
        lost: Callable[[Claimed], None] = lambda _: None,
    ) -> None:
        """written: told after each batch, with the pks that were ours. lost: told of a message
        whose result cannot be written, for a reason of its own."""
        self._store = store
        self._clock = clock
        self._written = written
        self._lost = lost
        self._waiting: deque[Ended] = deque()
        self._arrived = asyncio.Event()
        self._passed = asyncio.Event()  # something was written
        self._n_put = 0
        self._n_written = 0
        self._closing = False
        self._is_over = False

    def put(self, message: Claimed, outcome: Outcome, seconds: float = 0.0) -> None:
        self._waiting.append(Ended(message, outcome, seconds))
        self._n_put += 1
        self._arrived.set()

    @property
    def is_busy(self) -> bool:
        """Something is not written yet."""
        return self._n_put > self._n_written

    @property
    def is_full(self) -> bool:
        return self._n_put - self._n_written >= MOST_WAITING

    async def flush(self) -> None:
        """Return when all that was put until now is written, whatever comes meanwhile.

        Or when nothing will be written any more.
        """
        until = self._n_put
        while self._n_written < until and not self._is_over:
            self._passed.clear()
            await self._passed.wait()

    def close(self) -> None:
        """`run` ends when the rest is written."""
        self._closing = True
        self._arrived.set()

    async def run(self) -> None:
        while not (self._closing and not self._waiting):
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                if not await self._write():
                    await self._clock.sleep(_RETRY_S)

    async def write_rest(self) -> None:
        """Once, after `run` was cancelled: what a relay has taken must not be sent again."""
        try:
            async with asyncio.timeout(_LAST_S):
                await self._write()
        except TimeoutError as error:
            events.store_trouble(where="finish", error=error)
        for ended in self._waiting:
            events.result_lost(ended.message, StoreUnavailable("the store was away at the end"))
        self._is_over = True
        self._passed.set()

    async def _write(self) -> bool:
        """Write what waits, in its order. False: the store is away, and the rest waits on."""
        parts = deque([list(self._waiting)])
        self._waiting.clear()
        try:
            while parts:
                await self._write_first(parts)
        except (StoreUnavailable, StoreFull) as error:
            # The mail is sent and not recorded: hold on to it and try until the store is back.
            events.store_trouble(where="finish", error=error)
            return False
        finally:
            self._waiting.extendleft(ended for part in reversed(parts) for ended in reversed(part))
        return True

    async def _write_first(self, parts: deque[list[Ended]]) -> None:
        """Write the first part, or halve it; it stays there when StoreError is raised."""
        batch = parts[0]
        if not batch:
            parts.popleft()
            return
        now = self._clock.now()
        try:
            ours = await self._store.finish([ended.outcome for ended in batch], now=now)
        except (StoreUnavailable, StoreFull):
            raise
        except Exception as error:  # noqa: BLE001 - one bad result must not take the others along
            parts.popleft()
            if len(batch) > 1:
                half = len(batch) // 2
                parts.extendleft([batch[half:], batch[:half]])
                return
            events.result_lost(batch[0].message, error)
            self._lost(batch[0].message)
        else:
            parts.popleft()
            self._tell(batch, ours)
        self._n_written += len(batch)
        self._passed.set()

    def _tell(self, batch: list[Ended], ours: set[int]) -> None:
        try:
            with gathered():
                self._written(batch, ours)
        except Exception as error:  # noqa: BLE001 - it is written; a bug in the telling changes nothing
            events.task_broke("telling results", error)
