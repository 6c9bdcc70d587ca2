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
from pathlib import Path

from mail_proxy.domain.content import BLOCK_BYTES
from mail_proxy.domain.errors import ContentChanged

SUFFIX = ".fetched"
_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: a pipe that was planted under the name must not stop us.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Octets:
    """A whole content. md5, sha256: hex; md5 is None where nobody wants it. Either `data` or `path`
    is there."""

    size_bytes: int
    md5: str | None
    sha256: str
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
        sha256: str,
        on_changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = path
        self._size_bytes = size_bytes
        self._sha256 = sha256
        self._on_changed = on_changed

    @property
    def size_bytes(self) -> int:
        return self._size_bytes

    def blocks(self) -> Iterator[bytes]:
        sha256 = hashlib.sha256()
        left = self._size_bytes
        try:
            for block in read_blocks(self._path):
                left -= len(block)
                if left < 0:
                    break
                sha256.update(block)
                yield block
        except OSError as error:  # its text has a path of the host, and tenants read of this
            self._on_changed()
            why = error.strerror or "it failed"
            raise ContentChanged(f"a file that was fetched cannot be read: {why}") from error
        if left or sha256.hexdigest() != self._sha256:
            self._on_changed()
            raise ContentChanged("a file that was fetched is not what it was any more")


def read_blocks(path: Path) -> Iterator[bytes]:
    """Raises OSError."""
    with os.fdopen(os.open(path, _READ), "rb", buffering=0) as file:
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

    def create(self, hashes: Hashes) -> WorkFile:
        """Raises OSError."""
        path = self.path / f"{os.urandom(16).hex()}{SUFFIX}"
        try:
            return WorkFile(path, os.open(path, _MAKE, 0o600), hashes)
        except FileNotFoundError:  # the folder has vanished
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            return WorkFile(path, os.open(path, _MAKE, 0o600), hashes)


class WorkFile:
    """Being written. `discard` may come from any thread; what is added after it is lost."""

    def __init__(self, path: Path, descriptor: int, hashes: Hashes) -> None:
        self._path = path
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        self._hashes = hashes
        self._lock = threading.Lock()

    def add(self, block: bytes) -> None:
        """Raises OSError, as when the disk is full."""
        with self._lock:
            if self._file.closed:
                return
            self._hashes.update(block)
            view = memoryview(block)
            while view:
                view = view[self._file.write(view) :]

    def end(self) -> Octets:
        with self._lock:
            self._file.close()
            return self._hashes.octets(path=self._path)

    def discard(self) -> None:
        with self._lock:
            self._file.close()
        with suppress(OSError):  # what is left is removed at the next start
            self._path.unlink()


class Hashes:
    """Of what passes by. with_md5: it costs as much again, and few contents are asked for by it."""

    def __init__(self, *, with_md5: bool) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False) if with_md5 else None
        self._sha256 = hashlib.sha256()
        self._size_bytes = 0

    def update(self, block: bytes) -> None:
        if self._md5 is not None:
            self._md5.update(block)
        self._sha256.update(block)
        self._size_bytes += len(block)

    def octets(self, *, data: bytes | None = None, path: Path | None = None) -> Octets:
        md5 = None if self._md5 is None else self._md5.hexdigest()
        return Octets(self._size_bytes, md5, self._sha256.hexdigest(), data, path)
