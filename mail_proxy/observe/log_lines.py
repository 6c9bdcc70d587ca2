"""Lines of our log, read back: their time and level, and those that somebody wants to see."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import NamedTuple

from mail_proxy.observe.tail import Tail, backwards

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_HEAD = re.compile(
    r'(?:\{"time": "([0-9T:.-]+Z)", "level": "([A-Z]+)"|([0-9T:.-]{20,}Z) ([A-Z]+) )'
)
POLL_S = 0.25  # a file tells nobody that it grew


class LogLine(NamedTuple):
    """time, level: empty in a line that belongs to the one before it, as of a traceback."""

    text: str
    time: str
    level: str

    def record(self) -> dict[str, str]:
        """As `getLogs` tells it."""
        head = {"time": self.time, "level": self.level} if self.time else {}
        return {**head, "line": self.text}


def read_line(text: str) -> LogLine:
    """As `lines.TextLines` and `lines.JsonLines` write them."""
    found = _HEAD.match(text)
    if found is None:
        return LogLine(text, "", "")
    return LogLine(text, found[1] or found[3], found[2] or found[4])


@dataclass(frozen=True, slots=True)
class Wanted:
    """level: this one and those above; empty: all. since: a time as in the log; empty: any."""

    level: str = ""
    since: str = ""

    def takes(self, line: LogLine) -> bool:
        """Whether a line that begins with its time and level is wanted."""
        if self.since and line.time < self.since:
            return False
        if not self.level or line.level not in LEVELS:
            return True
        return LEVELS.index(line.level) >= LEVELS.index(self.level)


class Following:
    """New lines that are wanted; one without a head goes with the one before it."""

    def __init__(self, path: Path, wanted: Wanted) -> None:
        self._wanted = wanted
        self._tail = Tail(path)
        self._takes = not wanted.level
        self._path = path

    def past(self, n: int, *, most_bytes: int | None = None) -> list[LogLine]:
        """The last `n` before the first that `read` gives."""
        return last(self._path, n, self._wanted, end=self._tail.start, most_bytes=most_bytes)

    def read(self) -> tuple[list[LogLine], bool]:
        """Never waits. True: there was something, so there may be more."""
        texts = self._tail.read()
        return [line for line in map(read_line, texts) if self._is_wanted(line)], bool(texts)

    def close(self) -> None:
        self._tail.close()

    def _is_wanted(self, line: LogLine) -> bool:
        if line.time:
            self._takes = self._wanted.takes(line)
        return self._takes


def follow(path: Path, n: int, wanted: Wanted) -> Iterator[LogLine]:
    """The last `n` lines, then each new one as it comes; waits, without an end."""
    following = Following(path, wanted)
    try:
        yield from following.past(n)
        while True:
            lines, is_more = following.read()
            yield from lines
            if not is_more:
                time.sleep(POLL_S)
    finally:
        following.close()


def last(
    path: Path,
    n: int,
    wanted: Wanted,
    *,
    end: int | None = None,
    most_bytes: int | None = None,
) -> list[LogLine]:
    """The last `n` lines that are wanted, oldest first, also of files that were moved to `.1`, ...

    end: of the first file; None: as long as it is. most_bytes: how far to look; None: to the end.
    """
    found: list[LogLine] = []
    below: list[LogLine] = []  # they belong to the head that comes next
    left = most_bytes
    if n > 0:
        for text in _all_backwards(path, end):
            line = read_line(text)
            if left is not None:
                left -= len(text)
                if left < 0:
                    break
            if not line.time:
                below.append(line)
                continue
            if wanted.since and line.time < wanted.since:
                below = []
                break
            if wanted.takes(line):
                found += [*below, line]
            below = []
            if len(found) >= n:
                break
        if not wanted.level:
            found += below  # a file of another program's lines
    return found[:n][::-1]


def _all_backwards(path: Path, end: int | None) -> Iterator[str]:
    for number in count():
        place = path.with_name(f"{path.name}.{number}") if number else path
        with suppress(FileNotFoundError):
            with place.open("rb") as file:
                length = file.seek(0, 2)
                stop = length if number or end is None else min(end, length)
                for text, _ in backwards(file, stop):
                    yield text
            continue
        if number:
            return
