"""The end of a daemon's log, and what is added to it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_BLOCK = 64 * 1024
_POLL_S = 0.25  # a file tells nobody that it grew


def last_lines(path: Path, n: int, *, after: int = 0) -> list[str]:
    """The last `n` lines, of those that begin at byte `after`; none when there is no log."""
    try:
        with path.open("rb") as file:
            _seek_last_lines(file, n)
            file.seek(max(file.tell(), after))
            text = _decoded(file.read())
    except FileNotFoundError:
        return []
    return text.removesuffix("\n").split("\n") if text else []


def size_of(path: Path) -> int:
    """Bytes; 0 when there is no such file."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def follow(path: Path, n: int) -> Iterator[str]:
    """The last `n` lines, then each new one as it comes, over a rotation of the file too.

    Endless; closing the iterator closes the file.
    """
    while True:
        while not path.exists():
            time.sleep(_POLL_S)
        with path.open("rb") as file:
            _seek_last_lines(file, n)
            yield from _until_replaced(file, path)
        n = 1_000_000_000  # of the next file, all


def _until_replaced(file: BinaryIO, path: Path) -> Iterator[str]:
    rest = b""
    while True:
        block = file.read(_BLOCK)
        if block:
            *lines, rest = (rest + block).split(b"\n")
            yield from map(_decoded, lines)
        elif _is_replaced(file, path):
            return
        else:
            time.sleep(_POLL_S)


def _is_replaced(file: BinaryIO, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return True
    here = os.fstat(file.fileno())
    return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino) or (
        there.st_size < file.tell()
    )


def _seek_last_lines(file: BinaryIO, n: int) -> None:
    """Put the file where its last `n` lines begin, reading no more of it than these."""
    end = at = file.seek(0, os.SEEK_END)
    found = 0
    while at > 0 and n > 0:
        start = max(0, at - _BLOCK)
        file.seek(start)
        block = file.read(at - start)
        for offset in range(len(block) - 1, -1, -1):
            # The newline at the very end closes the last line, it begins none.
            if block[offset] == 0x0A and start + offset != end - 1:
                found += 1
                if found == n:
                    file.seek(start + offset + 1)
                    return
        at = start
    file.seek(0 if n > 0 else end)


def _decoded(line: bytes) -> str:
    return line.decode("utf-8", "replace")
