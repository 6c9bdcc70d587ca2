"""Ends messages whose time is over: by `expires_ts` at its time, by age when their account fails.

What only waits is not given up by age: a week of a stopped daemon or a switched-off scheduler costs
no message anything. It takes a fault of the account, as it takes a failed attempt elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress

from mail_proxy.config.settings import DeliverySettings
from mail_proxy.delivery.lane import Lane
from mail_proxy.delivery.ring import Key
from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import StoreError
from mail_proxy.domain.retry import EXPIRED, too_old
from mail_proxy.observe import events
from mail_proxy.store import Ending, MessageRow, Store
from mail_proxy.store.fates import given_up

LOOK_S = 10.0  # between two looks at what expires: one probe of an index
GIVEN_BACK_S = 10.0  # longer is waited for nothing: the store is away
CHUNK = 100  # messages in one transaction


class Expiry:
    """`told` is called with each message that was ended, after it is on the disk."""

    def __init__(
        self,
        store: Store,
        settings: DeliverySettings,
        clock: Clock,
        given_back: Callable[[], Awaitable[None]],
        told: Callable[[MessageRow, Ending], None],
    ) -> None:
        """given_back: returns when what was claimed of a failed account waits again."""
        self._store = store
        self._retry = settings.retry
        self._clock = clock
        self._given_back = given_back
        self._told = told
        self._test_mode = settings.test_mode  # then nothing happens but on `wake`
        self._wake = asyncio.Event()
        if not self._test_mode:
            self._wake.set()

    def wake(self) -> None:
        """Look at once."""
        self._wake.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            if not self._test_mode:
                group.create_task(self._tick(), name="expiry ticks")
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._guarded(self._end_expired())

    async def give_up_old(self, lane: Lane, why: str) -> None:
        """The account has failed just now: what waits for it since too long ends."""
        with suppress(TimeoutError):  # the store is away: the next fault finds the same rows
            async with asyncio.timeout(GIVEN_BACK_S):
                await self._given_back()
        max_age_s = lane.retry_policy(self._retry).max_age_s
        await self._guarded(self._end_old(lane.key, max_age_s, why))

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(LOOK_S)
            self._wake.set()

    async def _guarded(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except StoreError as error:  # the next look finds the same rows
            events.store_trouble(where="expiry", error=error)
        except Exception as error:  # noqa: BLE001 - a bug here must not stop the mail
            events.task_broke("expiry", error)

    async def _end_expired(self) -> None:
        while True:
            now = self._clock.now()
            rows = await self._store.expired(now=now, limit=CHUNK)
            if not await self._end(rows, lambda row: row.error or "not sent in time", EXPIRED):
                return

    async def _end_old(self, key: Key, max_age_s: float, why: str) -> None:
        while True:
            before = self._clock.now() - max_age_s
            rows = await self._store.overdue(*key, before=before, limit=CHUNK)
            if not await self._end(rows, lambda _: why, too_old(max_age_s)):
                return

    async def _end(
        self, rows: Sequence[MessageRow], cause: Callable[[MessageRow], str], words: str
    ) -> bool:
        """End them; whether there may be more."""
        now = self._clock.now()
        endings = [given_up(row, f"{words}: {cause(row)}", now=now) for row in rows]
        ended = await self._store.end_messages(endings, now=now) if endings else set()
        for row, ending in zip(rows, endings, strict=True):
            if ending.pk in ended:
                self._told(row, ending)
        return len(rows) == CHUNK and bool(ended)
