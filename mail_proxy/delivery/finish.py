"""Writes results down: continuously, in batches as they come, and never loses one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import StoreError
from mail_proxy.observe import events
from mail_proxy.store import Claimed, Outcome, Store

MOST_WAITING = 2000  # results not yet written; beyond, nobody begins another message
_RETRY_S = 1.0


class Ended(NamedTuple):
    """An attempt that is over; `seconds` is how long it took."""

    message: Claimed
    outcome: Outcome
    seconds: float


class Finisher:
    """`put` never waits, so that nothing stands between a 250 and its record."""

    def __init__(
        self, store: Store, clock: Clock, written: Callable[[list[Ended], set[int]], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._written = written  # told after each batch, with the pks that were ours
        self._waiting: deque[Ended] = deque()
        self._arrived = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._writing = 0
        self._closing = False

    def put(self, message: Claimed, outcome: Outcome, seconds: float = 0.0) -> None:
        self._waiting.append(Ended(message, outcome, seconds))
        self._settled.clear()
        self._arrived.set()

    @property
    def is_full(self) -> bool:
        return len(self._waiting) + self._writing >= MOST_WAITING

    async def flush(self) -> None:
        """Return when all that was put is written."""
        await self._settled.wait()

    def close(self) -> None:
        """`run` ends when the rest is written."""
        self._closing = True
        self._arrived.set()

    async def run(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await self._write()
            self._settled.set()
            if self._closing:
                return

    async def _write(self) -> None:
        batch = list(self._waiting)
        self._waiting.clear()
        self._writing = len(batch)
        try:
            await self._write_batch(batch)
        except StoreError as error:
            # The mail is sent and not recorded: hold on to it and try until the store is back.
            self._waiting.extendleft(reversed(batch))
            events.store_trouble(where="finish", error=error)
            await self._clock.sleep(_RETRY_S)
        except asyncio.CancelledError:
            self._waiting.extendleft(reversed(batch))
            raise
        finally:
            self._writing = 0

    async def _write_batch(self, batch: list[Ended]) -> None:
        try:
            ours = await self._store.finish(
                [ended.outcome for ended in batch], now=self._clock.now()
            )
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - a bug in one result must not take the others along
            if len(batch) == 1:
                events.result_lost(batch[0].message, error)
                return
            half = len(batch) // 2
            await self._write_batch(batch[:half])
            await self._write_batch(batch[half:])
            return
        self._written(batch, ours)
