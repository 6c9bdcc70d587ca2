"""Private files for what was fetched: written once, read when the mail is sent, then gone.

Small content stays in memory, as long as not too much of it does. Everything here blocks.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum, auto
from pathlib import Path

from mail_proxy.domain.content import BLOCK_BYTES
from mail_proxy.domain.errors import ContentChanged
from mail_proxy.private_files import MAKE, READ

SUFFIX = ".fetched"


class Algorithm(StrEnum):
    """As `hashlib` calls them."""

    MD5 = auto()  # of what is asked for by its MD5
    SHA256 = auto()  # of all else: where the processor has instructions for it, twice as fast


@dataclass(frozen=True, slots=True)
class Hash:
    """hex: in lower case."""

    algorithm: Algorithm
    hex: str


@dataclass(frozen=True, slots=True)
class Octets:
    """A whole content, with the hash that it is known by. Either `data` or `path` is there."""

    size_bytes: int
    hash: Hash
    data: bytes | None = field(default=None, repr=False)
    path: Path | None = None


class FileContent:
    """A file of ours (`domain.content.Content`).

    on_changed: told when the file is not what it was.
    """

    def __init__(
        self,
        path: Path,
        size_bytes: int,
        hash_: Hash,
        on_changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = path
        self._size_bytes = size_bytes
        self._hash = hash_
        self._on_changed = on_changed

    @property
    def size_bytes(self) -> int:
        return self._size_bytes

    def blocks(self) -> Iterator[bytes]:
        hashing = Hashing(self._hash.algorithm)
        left = self._size_bytes
        try:
            for block in read_blocks(self._path):
                left -= len(block)
                if left < 0:
                    break
                hashing.update(block)
                yield block
        except OSError as error:  # its text has a path of the host, and tenants read of this
            self._on_changed()
            why = error.strerror or "it failed"
            raise ContentChanged(f"a file that was fetched cannot be read: {why}") from error
        if left or hashing.hash() != self._hash:
            self._on_changed()
            raise ContentChanged("a file that was fetched is not what it was any more")


def read_blocks(path: Path) -> Iterator[bytes]:
    """Raises OSError."""
    with os.fdopen(os.open(path, READ), "rb", buffering=0) as file:
        while block := file.read(BLOCK_BYTES):
            yield block


class WorkFolder:
    """Where the files lie. Nobody else has files in it: what an earlier daemon left is removed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def prepare(self) -> None:
        """Raises OSError where no folder can be made."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self.path.glob(f"*{SUFFIX}"):
            with suppress(OSError):
                left.unlink()

    def create(self, hashing: Hashing) -> WorkFile:
        """Raises OSError."""
        path = self.path / f"{os.urandom(16).hex()}{SUFFIX}"
        try:
            return WorkFile(path, os.open(path, MAKE, 0o600), hashing)
        except FileNotFoundError:  # the folder has vanished
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            return WorkFile(path, os.open(path, MAKE, 0o600), hashing)


class WorkFile:
    """Being written. `discard` may come from any thread; what is added after it is lost."""

    def __init__(self, path: Path, descriptor: int, hashing: Hashing) -> None:
        self._path = path
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        self._hashing = hashing
        self._lock = threading.Lock()

    def add(self, block: bytes | bytearray) -> None:
        """Raises OSError, as when the disk is full."""
        with self._lock:
            if self._file.closed:
                return
            self._hashing.update(block)
            view = memoryview(block)
            while view:
                view = view[self._file.write(view) :]

    def end(self) -> Octets:
        with self._lock:
            self._file.close()
            return self._hashing.octets(path=self._path)

    def discard(self) -> None:
        with self._lock:
            self._file.close()
        with suppress(OSError):  # what is left is removed at the next start
            self._path.unlink()


class Hashing:
    """Of what passes by; one hash, as each costs as much as writing it to the disk or more."""

    def __init__(self, algorithm: Algorithm) -> None:
        self._algorithm = algorithm
        self._hash = hashlib.new(algorithm, usedforsecurity=False)
        self._size_bytes = 0

    def update(self, block: bytes | bytearray) -> None:
        self._hash.update(block)
        self._size_bytes += len(block)

    def hash(self) -> Hash:
        return Hash(self._algorithm, self._hash.hexdigest())

    def octets(self, *, data: bytes | None = None, path: Path | None = None) -> Octets:
        return Octets(self._size_bytes, self.hash(), data, path)
