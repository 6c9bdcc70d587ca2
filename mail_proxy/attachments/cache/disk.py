"""Contents on the disk: as many bytes as are allowed, those used last, also over a restart."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mail_proxy.attachments.cache import shelf
from mail_proxy.attachments.cache.shelf import Found, Identity, content_name, tenant_name
from mail_proxy.attachments.flights import Landed
from mail_proxy.attachments.workfiles import Algorithm, FileContent, Hash, Octets
from mail_proxy.domain.clock import Clock
from mail_proxy.observe import events
from mail_proxy.threads import Threads


@dataclass(slots=True, eq=False)
class _Kept:
    """users: mails that are made of it now: it is not removed before they are sent."""

    name: str
    path: Path
    size_bytes: int
    stored_at: float
    verified: Identity | None = None
    users: int = 0
    is_dropped: bool = False


class DiskTier:
    """The index is here, in the event loop's thread; `shelf` does the work on the disk.

    folder: nobody else's. max_bytes: 0: none are kept. ttl_s: how long each is.
    A disk that fails costs the cache and nothing else: what cannot be kept is fetched again.
    """

    def __init__(
        self, folder: Path, max_bytes: int, ttl_s: float, clock: Clock, threads: Threads
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._ttl_s = ttl_s
        self._clock = clock
        self._threads = threads
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._is_in_trouble = False
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    async def open(self) -> None:
        """Find what an earlier run has left."""
        if not self._max_bytes:
            return
        try:
            found = await self._threads.run(partial(shelf.scan, self._folder))
        except OSError as error:
            self._trouble(error)
            return
        for file in found:
            self._add(_kept(file))
        self._make_room(0)

    async def get(self, tenant_id: str, md5: str) -> Landed | None:
        """Held until it is closed; None: it is not here."""
        kept = self._kept.get(content_name(tenant_id, md5))
        if kept is None:
            return None
        kept.users += 1
        try:
            if self._is_fresh(kept) and await self._has_its_octets(kept, md5):
                self._touch(kept)
                return self._landed(kept, md5)
        except BaseException:
            self._leave(kept)
            raise
        self._drop(kept)
        self._leave(kept)
        return None

    async def put(self, tenant_id: str, md5: str, octets: Octets) -> Landed | None:
        """Keep them: their file is moved here, and held until it is closed.

        None: they are not kept, and are where they were.
        """
        name = content_name(tenant_id, md5)
        if name in self._kept or not self._make_room(octets.size_bytes):
            return None
        work = partial(shelf.store, self._folder, tenant_id, md5, octets)
        try:
            path, identity = await self._threads.run(work, lambda stored: shelf.remove(stored[0]))
        except OSError as error:
            self._trouble(error)
            return None
        self._is_in_trouble = False
        kept = _Kept(name, path, octets.size_bytes, self._clock.now())
        kept.verified = identity
        kept.users += 1
        if name in self._kept:  # another fetch was faster: ours is the mail's alone
            kept.is_dropped = True
        else:
            self._add(kept)
            self._make_room(0)
        return self._landed(kept, md5)

    def clear(self, tenant_id: str | None) -> int:
        """How many went; None: those of all tenants."""
        whose = None if tenant_id is None else tenant_name(tenant_id)
        found = [kept for kept in self._kept.values() if whose in (None, kept.path.parent.name)]
        for kept in found:
            self._drop(kept)
        return len(found)

    async def _has_its_octets(self, kept: _Kept, md5: str) -> bool:
        try:
            look = partial(shelf.verify, kept.path, md5, kept.verified)
            kept.verified = await self._threads.run(look)
        except OSError:  # somebody has removed it
            return False
        return kept.verified is not None and not kept.is_dropped

    def _landed(self, kept: _Kept, md5: str) -> Landed:
        assert kept.verified is not None
        # Whoever reads is in a thread. What is found changed then is hashed anew by the next.
        forget = partial(setattr, kept, "verified", None)
        content = FileContent(kept.path, kept.verified.size_bytes, Hash(Algorithm.MD5, md5), forget)
        return Landed(content, partial(self._leave, kept))

    def _is_fresh(self, kept: _Kept) -> bool:
        return self._clock.now() < kept.stored_at + self._ttl_s

    def _touch(self, kept: _Kept) -> None:
        if self._kept.get(kept.name) is kept:
            self._kept.move_to_end(kept.name)

    def _add(self, kept: _Kept) -> None:
        old = self._kept.get(kept.name)
        if old is not None:
            self._drop(old)
        self._kept[kept.name] = kept
        self.size_bytes += kept.size_bytes

    def _make_room(self, size_bytes: int) -> bool:
        """For so many bytes more. False: what is in use leaves no room for them."""
        if size_bytes > self._max_bytes:
            return False
        for kept in list(self._kept.values()):
            if self.size_bytes + size_bytes <= self._max_bytes:
                break
            if not kept.users:
                self._drop(kept)
        return self.size_bytes + size_bytes <= self._max_bytes

    def _drop(self, kept: _Kept) -> None:
        if self._kept.get(kept.name) is kept:
            del self._kept[kept.name]
            self.size_bytes -= kept.size_bytes
        kept.is_dropped = True
        if not kept.users:
            self._threads.later(partial(shelf.remove, kept.path))

    def _leave(self, kept: _Kept) -> None:
        kept.users -= 1
        if kept.is_dropped and not kept.users:
            self._threads.later(partial(shelf.remove, kept.path))

    def _trouble(self, error: OSError) -> None:
        """One line for each time of trouble, not for each file."""
        if not self._is_in_trouble:
            events.cache_unusable(folder=str(self._folder), error=error)
        self._is_in_trouble = True


def _kept(file: Found) -> _Kept:
    return _Kept(file.name, file.path, file.size_bytes, file.stored_at)
