"""Where what comes in is put: memory while it is small, then a file, written in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from mail_proxy.attachments.failures import FetchFailed, NoRoom, ours, too_large
from mail_proxy.attachments.folders import Opened
from mail_proxy.attachments.quota import Share
from mail_proxy.attachments.workfiles import Algorithm, Hashing, Octets, WorkFile, WorkFolder
from mail_proxy.domain.content import BLOCK_BYTES
from mail_proxy.threads import Threads

SMALL_BYTES = 100 * 1024  # stays in memory
# Of one content, while what came before it is hashed and written: the thread for that begins late
# where the event loop is busy, and with half of it a file of 10 MiB took a fifth longer.
MOST_PENDING = 4 * BLOCK_BYTES
MEMORY_BYTES = 16 * 2**20  # of all that stays there


@dataclass(slots=True)
class Memory:
    """How much of it is held by small contents."""

    held_bytes: int = 0

    def take(self, n: int) -> bool:
        if n > SMALL_BYTES or self.held_bytes + n > MEMORY_BYTES:
            return False
        self.held_bytes += n
        return True

    def give_back(self, n: int) -> None:
        self.held_bytes -= n


@dataclass(frozen=True, slots=True)
class Workplace:
    """What every sink writes to."""

    folder: WorkFolder
    memory: Memory
    threads: Threads


class Sink:
    """One content on its way. End it, or discard it.

    share: of the bytes on the disk; it grows with the content.
    """

    def __init__(
        self,
        store: Workplace,
        share: Share,
        limit_bytes: int,
        algorithm: Algorithm = Algorithm.SHA256,
    ) -> None:
        self._store = store
        self._hashing = Hashing(algorithm)
        self._share = share
        self._limit_bytes = limit_bytes
        self._pending = bytearray()
        self._size_bytes = 0
        self._file: WorkFile | None = None
        self._writing: asyncio.Future[None] | None = None

    def expect(self, size_bytes: int) -> None:
        """Raises FetchFailed where that is too large, and NoRoom."""
        if size_bytes > self._limit_bytes:
            raise too_large(self._limit_bytes)
        if not self._share.grow(size_bytes):
            raise NoRoom

    async def write(self, piece: bytes) -> None:
        """Raises FetchFailed and NoRoom."""
        self._size_bytes += len(piece)
        self.expect(self._size_bytes)
        self._pending += piece
        if len(self._pending) >= BLOCK_BYTES and (
            len(self._pending) >= MOST_PENDING or self._writing is None or self._writing.done()
        ):
            await self._to_file()

    async def copy(self, opened: Opened, threads: Threads) -> None:
        """All of a file, read in `threads`; its opener closes it. Raises as `write`."""
        left = opened.size_bytes + 1  # one more tells that it has grown
        while left:
            block = await threads.run(partial(opened.read, min(left, BLOCK_BYTES)))
            if not block:
                break
            left -= len(block)
            await self.write(block)
        if left != 1:
            raise FetchFailed("the file changed while it was read", is_permanent=False)

    async def end(self) -> Octets:
        """The whole content. Raises FetchFailed."""
        if self._file is None and self._store.memory.take(self._size_bytes):
            data = bytes(self._pending)
            self._hashing.update(data)
            return self._hashing.octets(data=data)
        file = await self._to_file()
        with _disk_errors():
            await self._written()
            octets = await self._store.threads.run(file.end)
        self._file = None  # it is the caller's now
        return octets

    def discard(self) -> None:
        """After a failure; after `end` it does nothing."""
        self._pending = bytearray()
        writing, self._writing = self._writing, None
        if writing is not None and not writing.cancel() and not writing.cancelled():
            writing.exception()  # it counts as heard
        if self._file is not None:
            self._store.threads.later(self._file.discard)
            self._file = None

    async def _to_file(self) -> WorkFile:
        """What is pending is written while more comes in."""
        with _disk_errors():
            await self._written()
            if self._file is None:
                create = partial(self._store.folder.create, self._hashing)
                self._file = await self._store.threads.run(create, WorkFile.discard)
            if self._pending:
                block, self._pending = self._pending, bytearray()
                self._writing = self._store.threads.start(partial(self._file.add, block))
        return self._file

    async def _written(self) -> None:
        """What was given to the disk is there. Raises OSError."""
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or "it failed"
        raise ours(f"it cannot be kept here: {why}") from error
