"""Reads the journals of daemons that are gone. Streams; keeps what is not known to be settled."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, assert_never

from mail_proxy.delivery.journal import SUFFIX
from mail_proxy.delivery.records import (
    Begun,
    Composed,
    Dotted,
    Ended,
    Header,
    Key,
    Record,
    Replied,
    Settled,
    decode,
)
from mail_proxy.delivery.segment_file import NEW
from mail_proxy.observe import events
from mail_proxy.private_files import READ

_NAMES = (SUFFIX, SUFFIX + NEW)
_LONGEST_LINE = 2**20  # bytes; ours are shorter, and a foreign file may be one endless line


@dataclass(slots=True)
class Attempt:
    """How far an attempt had come; begun, when all is empty."""

    is_composed: bool = False
    dotted: Dotted | None = None
    replied: Replied | None = None
    has_ended: bool = False


@dataclass(slots=True)
class Trail:
    """What one daemon left behind.

    boot_id: of the boot it ran in; None while no header was read.
    is_whole: nothing in it was unreadable, so what it does not tell of has not happened.
    attempts: those whose results may not be committed.
    """

    boot_id: str | None = None
    is_whole: bool = True
    attempts: dict[Key, Attempt] = field(default_factory=dict)
    paths: list[Path] = field(default_factory=list)

    def proves(self, boot_id: str) -> bool:
        """What it does not tell of has not happened: it ran in this boot, and all can be read."""
        return self.is_whole and boot_id != "" and self.boot_id == boot_id

    def take(self, record: Record) -> None:
        match record:
            case Header():
                self.boot_id = record.boot_id
            case Settled():
                for key in record.keys:
                    self.attempts.pop(key, None)
            case Begun():
                self._attempt(record.key)
            case Composed():
                self._attempt(record.key).is_composed = True
            case Dotted():
                self._attempt(record.key).dotted = record
            case Replied():
                self._attempt(record.key).replied = record
            case Ended():
                self._attempt(record.key).has_ended = True
            case _:
                assert_never(record)

    def _attempt(self, key: Key) -> Attempt:
        return self.attempts.setdefault(key, Attempt())


def read_trails(folder: Path) -> dict[str, Trail]:
    """By daemon_id; empty where there is no folder. Raises nothing: see `Trail.is_whole`."""
    trails: dict[str, Trail] = {}
    for path in _segments(folder):
        daemon_id = path.name.rpartition("-")[0]
        trail = trails.setdefault(daemon_id, Trail())
        trail.paths.append(path)
        if path.name.endswith(NEW):
            continue  # its daemon died before it wrote a line into it
        try:
            _read(path, daemon_id, trail)
        except OSError as error:
            trail.is_whole = False
            events.journal_unreadable(path=str(path), why=str(error))
    return trails


def _segments(folder: Path) -> list[Path]:
    """In the order of their making, for each daemon."""
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(_NAMES))
    except FileNotFoundError:
        return []
    except OSError as error:
        events.journal_unreadable(path=str(folder), why=str(error))
        return []


def _read(path: Path, daemon_id: str, trail: Trail) -> None:
    with os.fdopen(os.open(path, READ), "rb") as file:
        lines = _lines(file)
        header = decode(next(lines, b""))
        if not isinstance(header, Header) or header.daemon_id != daemon_id:
            trail.is_whole = False
            events.journal_unreadable(path=str(path), why="it has no header of its daemon")
            return
        trail.take(header)
        _take_rest(lines, path, trail)


def _take_rest(lines: Iterator[bytes], path: Path, trail: Trail) -> None:
    damaged = 0
    for line in lines:
        text = line.lstrip(b"\0")  # room that was not used; behind it nothing should come
        record = decode(text)
        if record is not None:
            trail.take(record)
        # Without its break it is the torn end of a write: what it was to precede was not done.
        if line.endswith(b"\n") and (record is None or len(text) < len(line)):
            damaged += 1
    if damaged:
        trail.is_whole = False
        events.journal_unreadable(path=str(path), why=f"{damaged} lines are damaged")


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(_LONGEST_LINE):
        yield line
