"""Brings the contents of a message's attachments here, and lets go of them when it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from mail_proxy.attachments.breaker import Breaker
from mail_proxy.attachments.cache import TieredCache, disk_folder
from mail_proxy.attachments.failures import FetchFailed, NoRoom, ours, told
from mail_proxy.attachments.fetched import Fetched
from mail_proxy.attachments.flights import Flight, Flights
from mail_proxy.attachments.landings import Landings
from mail_proxy.attachments.origin import Origin, fetch_key
from mail_proxy.attachments.posted import posted_content
from mail_proxy.attachments.quota import Quota, Share
from mail_proxy.attachments.sink import Memory, Workplace
from mail_proxy.attachments.sources import Sources
from mail_proxy.attachments.workfiles import WorkFolder
from mail_proxy.config.settings import AttachmentSettings, CacheSettings
from mail_proxy.domain.attachment import Attachment, Mode, Spooled
from mail_proxy.domain.clock import Clock
from mail_proxy.domain.content import Content
from mail_proxy.http_out import OutgoingHttp
from mail_proxy.observe import events
from mail_proxy.observe.cache_metrics import CacheMetrics
from mail_proxy.threads import FairThreads, ThreadPool

DISK_THREADS = 4  # for what is fetched and kept
# For files of the host, which may lie on shares that are away: of all tenants, and of one, whose
# files are left alone after three timeouts in a row (`breaker`).
READERS, READERS_EACH = 64, 4
ASSUMED_BYTES = 2 * 2**20  # of a content whose size nobody knows yet
OpenSpooled = Callable[[Spooled], Content]


class AttachmentManager:
    """Use as `async with`; what is on its way at the end is given up.

    Commands that fetch nothing need not enter it: then no folder is looked at.

    state_dir: `cache/` in it holds what is fetched.
    """

    def __init__(
        self,
        http: OutgoingHttp,
        settings: AttachmentSettings,
        cache: CacheSettings,
        state_dir: Path,
        *,
        clock: Clock,
        metrics: CacheMetrics,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._threads = ThreadPool(DISK_THREADS, "attachments")
        self._readers = FairThreads(READERS, READERS_EACH, "attached file")
        self._folder = WorkFolder(state_dir / "cache" / "fetched")
        folder = disk_folder(cache, state_dir)
        self.cache = TieredCache(cache, folder, self._threads, clock=clock, metrics=metrics)
        self._landings = Landings(
            Sources(http, self._readers, Breaker(clock), settings),
            self.cache,
            Workplace(self._folder, Memory(), self._threads),
            Quota(settings.at_once),
            settings.max_bytes,
        )
        self._bytes = Quota(max(settings.budget_bytes, settings.max_bytes))
        self._flights = Flights(self._spawn, clock)
        self._running: set[asyncio.Task[None]] = set()
        self._tasks = asyncio.TaskGroup()
        self._opening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        # Now, not with the first fetch, which may be days away: a kill has left files there.
        self._opening = self._spawn(self._open(), "attachment cache")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in list(self._running):
            task.cancel()
        try:
            await self._tasks.__aexit__(kind, error, trace)
        finally:
            self.close()

    def close(self) -> None:
        """Take no more work; for those that never entered, and harmless after it."""
        self._readers.close()
        self._threads.close()

    @property
    def held_bytes(self) -> int:
        """Of what is fetched, or room kept for it; the cache is not in it."""
        return self._bytes.in_use

    async def fetch(
        self,
        origin: Origin,
        attachments: Sequence[Attachment],
        *,
        open_spooled: OpenSpooled | None = None,
        asked_at: float | None = None,
    ) -> Fetched:
        """All contents, or AttachmentFailed for the first that cannot be had. Close it.

        open_spooled: for what lies in the message's spool file.
        asked_at: when the message was accepted, seconds since the epoch; else now. It is not given
            what was fetched before that without an MD5.
        """
        asked_at = self._clock.now() if asked_at is None else asked_at
        no_room = NoRoom("")
        for each_bytes in (ASSUMED_BYTES, self._settings.max_bytes):
            fetched = Fetched(len(attachments), self._flights)
            try:
                wanted = self._put_posted(origin, attachments, fetched, open_spooled)
                if wanted:
                    await self._bring(origin, wanted, fetched, each_bytes, asked_at)
            except BaseException as error:
                fetched.close()
                if not isinstance(error, NoRoom):
                    raise
                no_room = error
            else:
                return fetched
        raise told(no_room.filename, self._refused(no_room)) from no_room

    def _refused(self, no_room: NoRoom) -> FetchFailed:
        """What never fits is told at once; no try can help it."""
        if no_room.needed_bytes > self._bytes.most:
            most = f"{self._bytes.most / 2**20:g} MiB"
            return FetchFailed(
                f"the attachments of one message are larger than {most} in all, the room that "
                "GMP_ATTACHMENT_BUDGET_MB leaves to it",
                is_permanent=True,
            )
        return ours("there is no room for it now (GMP_ATTACHMENT_BUDGET_MB)")

    def _find(self, origin: Origin, attachment: Attachment, asked_at: float) -> Flight | None:
        if attachment.content_md5 is not None:  # it is the same at any time
            asked_at = 0.0
        return self._flights.find(fetch_key(origin, attachment), asked_at)

    def _put_posted(
        self,
        origin: Origin,
        attachments: Sequence[Attachment],
        fetched: Fetched,
        open_spooled: OpenSpooled | None,
    ) -> list[tuple[int, Attachment]]:
        """What is here already; returns the others."""
        wanted: list[tuple[int, Attachment]] = []
        for n, attachment in enumerate(attachments):
            if attachment.spooled is not None:
                if open_spooled is None:
                    raise TypeError("an attachment is spooled, and nobody can open the spool file")
                fetched.put(n, open_spooled(attachment.spooled))
            elif attachment.mode is Mode.BASE64:
                try:
                    fetched.put(n, posted_content(attachment))
                except FetchFailed as failure:
                    raise told(attachment.filename, failure) from failure
            elif small := self._small(origin, attachment):
                fetched.put(n, small)
            else:
                wanted.append((n, attachment))
        return wanted

    def _small(self, origin: Origin, attachment: Attachment) -> Content | None:
        if attachment.content_md5 is None:
            return None
        return self.cache.small(origin.tenant_id, attachment.content_md5)

    async def _bring(
        self,
        origin: Origin,
        wanted: Sequence[tuple[int, Attachment]],
        fetched: Fetched,
        each_bytes: int,
        asked_at: float,
    ) -> None:
        """Room for all of a message is taken at once: two that each hold a part of what they need
        would wait for one another for ever."""
        await self._opened()
        flights = [(n, a, self._find(origin, a, asked_at)) for n, a in wanted]
        if all(flight is not None for _, _, flight in flights):  # they take no room
            await self._land_together(flights, fetched)
            return
        n_bytes = max(each_bytes, min(len(wanted) * each_bytes, self._bytes.half))
        with await self._bytes.take(origin.tenant_id, n_bytes) as share:
            gate = asyncio.Semaphore(self._settings.per_message)
            find = partial(self._find, origin, asked_at=asked_at)
            split = partial(share.split, each_bytes)
            try:
                await _all(
                    self._land(origin, n, attachment, fetched, find, split, gate)
                    for n, attachment in wanted
                )
            except NoRoom as error:
                raise NoRoom(error.filename, share.needed) from error

    async def _opened(self) -> None:
        assert self._opening is not None, "nothing is fetched before it is entered"
        await asyncio.shield(self._opening)

    async def _open(self) -> None:
        try:
            await self._threads.run(self._folder.prepare)
        except OSError as error:
            events.cache_unusable(folder=str(self._folder.path), error=error)
        await self.cache.open()

    async def _land_together(
        self, flights: Sequence[tuple[int, Attachment, Flight | None]], fetched: Fetched
    ) -> None:
        for _, _, flight in flights:
            if flight is not None:
                fetched.hold(flight)
        await _all(
            fetched.land(n, attachment, flight)
            for n, attachment, flight in flights
            if flight is not None
        )

    async def _land(
        self,
        origin: Origin,
        n: int,
        attachment: Attachment,
        fetched: Fetched,
        find: Callable[[Attachment], Flight | None],
        split: Callable[[], Share],
        gate: asyncio.Semaphore,
    ) -> None:
        async with gate:
            flight = find(attachment)
            if flight is None:
                key = fetch_key(origin, attachment)
                flight = self._flights.start(
                    key, partial(self._landings.land, origin, attachment, split)
                )
            fetched.hold(flight)
            await fetched.land(n, attachment, flight)

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        task = self._tasks.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task


async def _all(works: Iterable[Coroutine[None, None, None]]) -> None:
    """All at once; the first that fails ends the others and is raised."""
    works = list(works)
    if len(works) == 1:
        await works[0]
        return
    try:
        async with asyncio.TaskGroup() as tasks:
            for work in works:
                tasks.create_task(work)
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
