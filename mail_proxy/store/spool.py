"""Spool files: the octets that were posted with a message and are too large for its row.

A message has one file at most, `aa/<32 hex digits>`, and `contents.spool` names it. It is whole and
on the disk before the row is, and goes after it: a file without a row is rubbish, which `Sweep`
(operations/) removes; a row without a file does not occur. Everything here blocks, so in a thread.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Self

from mail_proxy.domain.attachment import Spooled
from mail_proxy.domain.content import BLOCK_BYTES
from mail_proxy.domain.errors import ContentChanged, StoreError
from mail_proxy.private_files import MAKE, READ, sync_folder
from mail_proxy.store.faults import disk_errors

NEW = ".new"  # what the name of a file ends with that is not whole yet
_SHELF = re.compile(r"[0-9a-f]{2}\Z")
_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}\Z")
_GONE = "the spool file of the message cannot be read"


class Spool:
    """The folder. One object for all of a process: it knows the files whose rows are yet to come.

    unsettled: their names. Nobody else may remove them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known_shelves: set[str] = set()
        self.unsettled: set[str] = set()

    def write(self) -> SpoolBatch:
        """Files that share a folder, and so its sync."""
        return SpoolBatch(self)

    def content(self, name: str, part: Spooled) -> SpooledContent:
        """What is looked at when it is read. Raises ContentChanged for what is no name of ours."""
        return SpooledContent(self.path(name), part)

    def path(self, name: str) -> Path:
        if not _NAME.match(name):
            raise ContentChanged("the message names a spool file that cannot be ours")
        return self._folder / name

    def names(self) -> Iterator[str]:
        """All files, also those that are not whole (they end in `.new`). Raises OSError."""
        with suppress(FileNotFoundError):
            for shelf in sorted(self._folder.iterdir()):
                if _SHELF.match(shelf.name) and not shelf.is_symlink():
                    for path in shelf.iterdir():
                        if _NAME.match(f"{shelf.name}/{path.name.removesuffix(NEW)}"):
                            yield f"{shelf.name}/{path.name}"

    def remove(self, names: Iterable[str]) -> None:
        """Those that are there. Raises StoreError for the first that cannot be, after the others
        are gone."""
        for error in self.try_remove(names).values():
            raise error

    def try_remove(self, names: Iterable[str]) -> dict[str, StoreError]:
        """Those that are there; returns those that cannot be removed, and why."""
        kept: dict[str, StoreError] = {}
        for name in names:
            try:
                with disk_errors():
                    (self._folder / name).unlink(missing_ok=True)
            except StoreError as error:
                kept[name] = error
        return kept

    def shelf(self) -> str:
        """One of 256 folders; it has its own name on the disk. Raises OSError."""
        name = os.urandom(1).hex()
        if name not in self._known_shelves:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            (self._folder / name).mkdir(mode=0o700, exist_ok=True)
            sync_folder(self._folder)
            sync_folder(self._folder.parent)
            self._known_shelves.add(name)
        return name


class SpoolBatch:
    """Files whose rows are written together: `add` them, then `end`.

    As a context it takes back what was not ended. Raises StoreFull where there is no room for a
    file, else StoreUnavailable.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._shelf = ""
        self.names: list[str] = []
        self._has_ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._has_ended:
            for name in list(self.names):
                self._drop(name)

    @contextmanager
    def add(self) -> Iterator[SpoolFile]:
        """A new file; it is whole when its context ends, and gone when it ends in an error."""
        name = self._new_name()
        try:
            with disk_errors():
                file = SpoolFile(name, self._spool.path(name))
            with closing(file):
                yield file
                with disk_errors():
                    file.end()
        except BaseException:
            self._drop(name)
            raise

    def link(self, name: str) -> str:
        """The same octets under a new name. Raises ContentChanged when they are gone."""
        source = self._spool.path(name)
        new_name = self._new_name()
        try:
            os.link(source, self._spool.path(new_name), follow_symlinks=False)
        except FileNotFoundError:
            self._drop(new_name)
            raise ContentChanged(f"{_GONE}: it is not there") from None
        except OSError:  # not on every file system, nor any number of times
            self._drop(new_name)
            with self.add() as file:
                file.put(_blocks_of(source))
            return file.name
        return new_name

    def end(self) -> None:
        """All of them are on the disk, under their names, when this returns."""
        if self.names:
            with disk_errors():
                sync_folder(self._spool.path(self.names[0]).parent)
        self._has_ended = True

    def _new_name(self) -> str:
        if not self._shelf:
            with disk_errors():
                self._shelf = self._spool.shelf()
        name = f"{self._shelf}/{os.urandom(16).hex()}"
        self._spool.unsettled.add(name)
        self.names.append(name)
        return name

    def _drop(self, name: str) -> None:
        with suppress(StoreError):  # what cannot be removed now is rubbish: the sweep looks again
            self._spool.remove((name, name + NEW))
        self.names.remove(name)
        self._spool.unsettled.discard(name)


class SpoolFile:
    """Being written, under a name that says so until `end`."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path
        self._new = path.with_name(path.name + NEW)
        self._descriptor = os.open(self._new, MAKE, 0o600)
        self._size = 0

    def put(self, blocks: Iterable[bytes]) -> Spooled:
        """Where they lie; raises what `blocks` raise."""
        sha256 = hashlib.sha256()
        offset = self._size
        for block in blocks:
            with disk_errors():
                _write(self._descriptor, block)
            self._size += len(block)
            sha256.update(block)
        return Spooled(offset, self._size - offset, sha256.hexdigest())

    def end(self) -> None:
        """It is on the disk; its name will be when its folder is synced. Raises OSError."""
        os.fsync(self._descriptor)
        self._new.rename(self._path)

    def close(self) -> None:
        os.close(self._descriptor)


class SpooledContent:
    """A part of a spool file (`domain.content.Content`)."""

    def __init__(self, path: Path, part: Spooled) -> None:
        self._path = path
        self._part = part

    @property
    def size_bytes(self) -> int:
        return self._part.size_bytes

    def blocks(self) -> Iterator[bytes]:
        part = self._part
        left = part.size_bytes
        sha256 = hashlib.sha256()
        for block in _blocks_of(self._path, offset=part.offset, size_bytes=part.size_bytes):
            left -= len(block)
            sha256.update(block)
            yield block
        if left or sha256.hexdigest() != part.sha256:
            raise ContentChanged("the spool file of the message is not what it was")


def _blocks_of(path: Path, *, offset: int = 0, size_bytes: int | None = None) -> Iterator[bytes]:
    """Raises ContentChanged when it cannot be read."""
    left = sys.maxsize if size_bytes is None else size_bytes
    try:
        with os.fdopen(os.open(path, READ), "rb", buffering=0) as file:
            file.seek(offset)
            while left and (block := file.read(min(left, BLOCK_BYTES))):
                left -= len(block)
                yield block
    except OSError as error:
        raise ContentChanged(f"{_GONE}: {error.strerror}") from error


def _write(descriptor: int, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[os.write(descriptor, view) :]
