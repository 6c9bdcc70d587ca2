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
from mail_proxy.attachments.failures import FetchFailed, NoRoom, told
from mail_proxy.attachments.fetched import Fetched
from mail_proxy.attachments.flights import Flight, Flights, Landed
from mail_proxy.attachments.origin import Origin, fetch_key
from mail_proxy.attachments.posted import posted_content
from mail_proxy.attachments.shares import Pool, Share
from mail_proxy.attachments.sink import Memory, Sink, Store
from mail_proxy.attachments.sources import Sources
from mail_proxy.attachments.threads import Threads
from mail_proxy.attachments.workfiles import Algorithm, FileContent, Octets, WorkFolder
from mail_proxy.config.settings import AttachmentSettings, CacheSettings
from mail_proxy.domain.attachment import Attachment, Mode, Spooled
from mail_proxy.domain.clock import Clock
from mail_proxy.domain.content import BytesContent, Content
from mail_proxy.http_out import OutgoingHttp
from mail_proxy.observe import events
from mail_proxy.observe.cache_metrics import CacheMetrics

DISK_THREADS = 4  # for what is fetched and kept
SHARE_THREADS = 4  # for files of the host
ASSUMED_BYTES = 2 * 2**20  # of a content whose size nobody knows yet
OpenSpooled = Callable[[Spooled], Content]


class AttachmentManager:
    """Use as `async with`; what is on its way at the end is given up.

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
        self._threads = Threads(DISK_THREADS, "attachments")
        self._shares = Threads(SHARE_THREADS, "attached files")
        self._store = Store(WorkFolder(state_dir / "cache" / "fetched"), Memory(), self._threads)
        folder = disk_folder(cache, state_dir)
        self.cache = TieredCache(cache, folder, self._threads, clock=clock, metrics=metrics)
        self._sources = Sources(http, self._shares, Breaker(clock), settings)
        self._bytes = Pool(max(settings.budget_bytes, settings.max_bytes))
        self._slots = Pool(settings.at_once)
        self._flights = Flights(self._spawn, clock)
        self._running: set[asyncio.Task[None]] = set()
        self._tasks = asyncio.TaskGroup()
        self._opening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
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
        self._shares.close()
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
        return FetchFailed(
            "there is no room for it now (GMP_ATTACHMENT_BUDGET_MB)", is_permanent=False
        )

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
        """When the first is fetched: commands that fetch nothing look at no folder."""
        if self._opening is None:
            self._opening = self._spawn(self._open(), "attachment cache")
        await asyncio.shield(self._opening)

    async def _open(self) -> None:
        try:
            await self._threads.run(self._store.folder.prepare)
        except OSError as error:
            events.cache_unusable(folder=str(self._store.folder.path), error=error)
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
                flight = self._flights.start(key, partial(self._fly, origin, attachment, split))
            fetched.hold(flight)
            await fetched.land(n, attachment, flight)

    async def _fly(
        self, origin: Origin, attachment: Attachment, split: Callable[[], Share]
    ) -> Landed:
        """One fetch; the cache first, where its MD5 is known."""
        share = split()
        try:
            found = await self._cached(origin, attachment)
            if found is None:
                octets = await self._octets(origin, attachment, share)
                found = await self._landed(origin, attachment, octets, share)
            else:
                share.close()
        except BaseException:
            share.close()
            raise
        return found

    async def _cached(self, origin: Origin, attachment: Attachment) -> Landed | None:
        md5 = attachment.content_md5
        return None if md5 is None else await self.cache.get(origin.tenant_id, md5)

    async def _octets(self, origin: Origin, attachment: Attachment, share: Share) -> Octets:
        with await self._slots.take(origin.tenant_id, 1):
            md5 = attachment.content_md5
            algorithm = Algorithm.SHA256 if md5 is None else Algorithm.MD5
            sink = Sink(self._store, share, self._settings.max_bytes, algorithm)
            try:
                await self._sources.fetch(origin, attachment, sink)
                octets = await sink.end()
            except BaseException:
                sink.discard()
                raise
        if md5 is not None and md5 != octets.hash.hex:
            self._remove(octets)
            # Whoever serves it may be about to replace it; a wrong MD5 is given up with the tries.
            raise FetchFailed("it does not have its content_md5", is_permanent=False)
        return octets

    async def _landed(
        self, origin: Origin, attachment: Attachment, octets: Octets, share: Share
    ) -> Landed:
        try:
            kept = None
            if attachment.content_md5 is not None:
                md5 = attachment.content_md5
                kept = await self.cache.put(origin.tenant_id, md5, octets)
        except BaseException:
            self._remove(octets)
            raise
        if kept is not None:
            self._remove(octets)
            share.close()
            return kept
        share.shrink(octets.size_bytes)
        return Landed(_content(octets), partial(self._let_go, octets, share))

    def _let_go(self, octets: Octets, share: Share) -> None:
        self._remove(octets)
        share.close()

    def _remove(self, octets: Octets) -> None:
        if octets.path is not None:
            self._threads.later(partial(octets.path.unlink, missing_ok=True))
        else:
            self._store.memory.give_back(octets.size_bytes)

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


def _content(octets: Octets) -> Content:
    if octets.path is None:
        return BytesContent(octets.data or b"")
    return FileContent(octets.path, octets.size_bytes, octets.hash)
