"""The end of a log file, and what is added to it, over rotation and truncation."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

BLOCK_BYTES = 64 * 1024


def last_lines(path: Path, n: int, *, after: int = 0) -> list[str]:
    """The last `n` lines, of those that begin at byte `after`; none when there is no log."""
    found: list[str] = []
    with suppress(FileNotFoundError), path.open("rb") as file:
        for line, begins_at in backwards(file, size_of(path)):
            if len(found) == n or begins_at < after:
                break
            found.append(line)
    return found[::-1]


def size_of(path: Path) -> int:
    """Bytes; 0 when there is no such file."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def backwards(file: BinaryIO, end: int) -> Iterator[tuple[str, int]]:
    """The lines before byte `end`, the last first, and where each begins.

    Reads no more than is asked for, block by block. A last one without its newline counts.
    """
    rest = b""
    at = end
    is_last = True
    while at > 0:
        start = max(0, at - BLOCK_BYTES)
        file.seek(start)
        block = file.read(at - start) + rest
        if is_last:
            block, is_last = block.removesuffix(b"\n"), False
        rest, *lines = block.split(b"\n")
        begins_at = start + len(block)
        for line in reversed(lines):
            begins_at -= len(line)
            yield _decoded(line), begins_at
            begins_at -= 1  # the newline before it
        at = start
    if end > 0:
        yield _decoded(rest), 0


class Tail:
    """What is added to the file at `path`, whichever that is by now.

    start: where its first whole line begins; what is before is for whoever wants the past.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._rest = b""
        self._is_closed = False
        self.start = 0
        with suppress(FileNotFoundError):
            self._file = path.open("rb")
            self.start = _last_line_at(self._file)
            self._file.seek(self.start)

    def read(self) -> list[str]:
        """New whole lines: of one block at most, as far as they are there. Never waits."""
        if self._is_closed:
            return []
        if self._file is None:
            with suppress(FileNotFoundError):
                self._file = self._path.open("rb")
            if self._file is None:
                return []
        block = self._file.read(BLOCK_BYTES)
        if not block:
            self._look_for_another(self._file)
            return []
        *lines, self._rest = (self._rest + block).split(b"\n")
        return [_decoded(line) for line in lines]

    def close(self) -> None:
        """From now on there is nothing new."""
        self._is_closed = True
        self._leave()

    def _leave(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _look_for_another(self, file: BinaryIO) -> None:
        """The file was moved away, removed or made shorter: begin with the one of now."""
        here = os.fstat(file.fileno())
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return  # a new one comes soon; more may still come into this one
        is_same = (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)
        if is_same and there.st_size >= file.tell():
            return
        if not is_same and here.st_size > file.tell():
            return  # something was added before it was moved
        self._leave()
        self._rest = b""


def _last_line_at(file: BinaryIO) -> int:
    """Where the last line begins that is not ended yet, else the end."""
    at = file.seek(0, os.SEEK_END)
    while at > 0:
        start = max(0, at - BLOCK_BYTES)
        file.seek(start)
        newline = file.read(at - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        at = start
    return 0


def _decoded(line: bytes) -> str:
    return line.decode("utf-8", "replace")
