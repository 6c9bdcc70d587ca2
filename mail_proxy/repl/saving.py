"""Rows into a file, by the ending of its name."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

from mail_proxy.domain.errors import Invalid
from mail_proxy.private_files import replacing_private
from mail_proxy.tables.columns import Column, for_programs
from mail_proxy.tables.plain import csv_text, plain_lines

_AT_ONCE = 500  # rows; so that a million of them need no memory

Row = dict[str, Any]


def json_text(value: object) -> str:
    return json.dumps(for_programs(value), indent=2, default=str)


def save(
    path: str | Path,
    rows: Iterator[Row],
    columns: Sequence[Column],
    to_row: Callable[[Mapping[str, Any]], Row],
) -> int:
    """Write them; how many there were.

    columns: those of CSV and TSV come first, then every other field of the first rows. The file is
    its owner's alone, and what was there stays until all is written. Raises Invalid for an ending
    that is not known, OSError.
    """
    target = Path(path).expanduser()
    write = _WRITERS.get(target.suffix.lower())
    if write is None:
        raise Invalid(f"a name ends in {', '.join(_WRITERS)}, so that the format is known")
    number = 0

    def counted() -> Iterator[Row]:
        nonlocal number
        for row in rows:
            number += 1
            yield row

    with _written(target) as file:
        file.writelines(write(counted(), columns, to_row))
    return number


@contextmanager
def _written(target: Path) -> Iterator[TextIO]:
    """A new file, or one in the place of a file, also where a link leads to it; a device or a pipe
    is written to as it is."""
    place = target.resolve()
    if place.exists() and not place.is_file():
        with target.open("w", encoding="utf-8", newline="") as file:
            yield file
        return
    with replacing_private(place) as raw:
        text = io.TextIOWrapper(raw, encoding="utf-8", newline="")
        yield text
        text.detach()  # it flushes, and leaves the file open for what is to be done yet


_ToRow = Callable[[Mapping[str, Any]], Row]


def _jsonl(rows: Iterator[Row], _columns: Sequence[Column], _to_row: _ToRow) -> Iterator[str]:
    for row in rows:
        yield json.dumps(for_programs(row), default=str) + "\n"


def _json(rows: Iterator[Row], _columns: Sequence[Column], _to_row: _ToRow) -> Iterator[str]:
    yield "["
    for number, row in enumerate(rows):
        yield (",\n" if number else "\n") + json.dumps(for_programs(row), default=str)
    yield "\n]\n"


def _csv(rows: Iterator[Row], columns: Sequence[Column], to_row: _ToRow) -> Iterator[str]:
    for number, (wanted, part) in enumerate(_parts(rows, columns, to_row)):
        text = csv_text(wanted, part)
        yield text if number == 0 else text.partition("\n")[2]


def _tsv(rows: Iterator[Row], columns: Sequence[Column], to_row: _ToRow) -> Iterator[str]:
    for number, (wanted, part) in enumerate(_parts(rows, columns, to_row)):
        for line in plain_lines(wanted, part, with_header=number == 0):
            yield line + "\n"


def _parts(
    rows: Iterator[Row], columns: Sequence[Column], to_row: _ToRow
) -> Iterator[tuple[list[Column], list[Row]]]:
    """Some rows at a time, each time with the same columns."""
    first = [to_row(row) for row in islice(rows, _AT_ONCE)]
    wanted = all_columns(columns, first)
    rest = (to_row(row) for row in rows)
    yield wanted, first
    for row in rest:
        yield wanted, list(chain([row], islice(rest, _AT_ONCE - 1)))


def all_columns(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> list[Column]:
    """The columns, then one for each other field."""
    known = {column.key for column in columns}
    names = dict.fromkeys(key for row in rows for key in row if key not in known)
    return [*columns, *(Column(name) for name in names)]


_WRITERS = {".csv": _csv, ".tsv": _tsv, ".json": _json, ".jsonl": _jsonl}
