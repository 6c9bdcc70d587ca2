"""Tables and records as text: for a terminal cut to its width, else whole for the next program."""

from __future__ import annotations

import io
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from mail_proxy.domain.safe_text import safe_text
from mail_proxy.tables.columns import (
    Column,
    Show,
    detail_columns,
    is_time,
    show_local_time,
    show_object,
)
from mail_proxy.tables.plain import escaped, plain_cell, plain_lines
from mail_proxy.tables.widths import cells

Fragments: TypeAlias = list[tuple[str, str]]  # (style, text), as prompt-toolkit has them

_INDENT = "  "
_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class Screen:
    """Where results go. width: in cells; now: seconds since the epoch."""

    is_terminal: bool
    width: Callable[[], int]
    now: Callable[[], float] = time.time


def real_screen() -> Screen:
    """That of this process."""
    return Screen(
        is_terminal=sys.stdout.isatty(), width=lambda: shutil.get_terminal_size((80, 24)).columns
    )


def table_text(
    columns: Sequence[Column], records: Sequence[Mapping[str, Any]], screen: Screen
) -> Fragments:
    """The records with their headings; without columns all fields that are simple."""
    if not records:
        return [("italic", "none")] if screen.is_terminal else []
    chosen = columns or _simple_columns(records)
    if not screen.is_terminal:
        return [("", "\n".join(plain_lines(chosen, records, with_header=True)))]
    heading, _, rest = _drawn(chosen, records, screen.width(), screen.now()).partition("\n")
    return [("bold", heading), ("", f"\n{rest}".rstrip())]


def _drawn(
    columns: Sequence[Column], records: Sequence[Mapping[str, Any]], width: int, now: float
) -> str:
    from mail_proxy.tables.drawing import print_table  # rich: 50 ms that the prompt need not wait

    text = io.StringIO()
    print_table(columns, records, stream=text, width=width, coloured=False, now=now)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def _simple_columns(records: Sequence[Mapping[str, Any]]) -> list[Column]:
    names = dict.fromkeys(key for record in records for key in record)
    return [
        Column(name, safe_text(name, 60), _shown_as(name), is_id=number == 0)
        for number, name in enumerate(names)
    ]


def _shown_as(name: str) -> Show:
    return show_local_time if is_time(name) else show_object


def record_text(record: Mapping[str, Any], screen: Screen) -> Fragments:
    """A line for each field; lists of things and things of things as tables below it."""
    shown = {key: value for key, value in record.items() if key != "ok" or len(record) == 1}
    if not screen.is_terminal:
        lines = [f"{escaped(str(key))}\t{plain_cell(shown, key)}" for key in shown]
        return [("", "\n".join(lines))]
    return [("", "\n")] if not shown else _field_lines(shown, screen, "")[:-1]


def _field_lines(record: Mapping[str, Any], screen: Screen, indent: str) -> Fragments:
    columns = detail_columns(record)
    names = [safe_text(c.title or c.key.replace("_", " "), _LONGEST_NAME) for c in columns]
    longest = max(cells(name) for name in names)
    start = indent + " " * (longest + len(_INDENT))
    fragments: Fragments = []
    for column, name in zip(columns, names, strict=True):
        fragments.append(("bold", f"{indent}{name}"))
        value = record[column.key]
        if rows := _rows_in(value):
            drawn = _drawn(_simple_columns(rows), rows, _room(screen, _INDENT), screen.now())
            fragments.append(("", "".join(f"\n{_INDENT}{line}" for line in drawn.splitlines())))
        elif isinstance(value, Mapping) and value and not indent:
            fragments += [("", "\n"), *_field_lines(value, screen, _INDENT)[:-1]]
        else:
            text = column.show(value, screen.now()) or "-"
            lines = textwrap.wrap(text, _room(screen, start), break_on_hyphens=False) or ["-"]
            gap = " " * (longest - cells(name)) + _INDENT
            fragments.append(("", gap + f"\n{start}".join(lines)))
        fragments.append(("", "\n"))
    return fragments


def _room(screen: Screen, indent: str) -> int:
    return max(20, screen.width() - len(indent))


def _rows_in(value: object) -> list[dict[str, Any]]:
    """The rows of a value that is a table: a list of objects, or an object of objects."""
    if isinstance(value, Mapping):
        inner = list(value.items())
        if inner and all(isinstance(item, Mapping) for _, item in inner):
            return [{"": key, **item} for key, item in inner]
    elif isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
        return [dict(item) for item in value]
    return []
