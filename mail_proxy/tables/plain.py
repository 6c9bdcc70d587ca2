"""Lists for programs: tab-separated lines and CSV, with whole values.

In CSV a text that a spreadsheet would compute has a `'` before it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence

from mail_proxy.domain.safe_text import safe_text
from mail_proxy.domain.spreadsheet import as_cell
from mail_proxy.tables.columns import Column, Record, flat

_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def plain_lines(
    columns: Sequence[Column], records: Iterable[Record], *, with_header: bool = False
) -> Iterator[str]:
    """A record a line, cells by tabs, controls as escapes."""
    if with_header:
        yield "\t".join(escaped(column.key) for column in columns)
    for record in records:
        yield "\t".join(plain_cell(record, column.key) for column in columns)


def plain_cell(record: Record, key: str) -> str:
    return escaped(flat(record.get(key), key))


def csv_text(columns: Sequence[Column], records: Iterable[Record]) -> str:
    """A line of names, then a line for each record; all CSV of CLI and REPL is written here."""
    import csv  # 5 ms that most commands do not need

    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([as_cell(column.key) for column in columns])
    for record in records:
        lines.writerow([_csv_cell(record.get(column.key), column.key) for column in columns])
    return text.getvalue()


def _csv_cell(value: object, key: str) -> str:
    text = flat(value, key)
    return text if isinstance(value, int | float) else as_cell(text)


def escaped(text: str) -> str:
    """A cell of plain output: the whole value on one line, controls as escapes."""
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return "".join(_ESCAPES.get(c) or (c if safe_text(c) == c else _hex(c)) for c in text)


def _hex(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
