"""Tables for people, drawn by rich; imported only when a terminal reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mail_proxy.tables.columns import Column, Record
from mail_proxy.tables.widths import padded

_GAP = 2


def print_table(
    columns: Sequence[Column],
    records: Sequence[Record],
    *,
    stream: TextIO,
    width: int,
    coloured: bool,
    now: float,
) -> None:
    """Draw the records as a table, or one under the other where the ids alone do not fit."""
    cells = [[column.show(record.get(column.key), now) for column in columns] for record in records]
    kept = _columns_that_fit(columns, cells, width)
    console = Console(
        file=stream,
        width=width,
        force_terminal=coloured,
        no_color=not coloured,
        color_system="standard" if coloured else None,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )
    if kept is None:
        _print_vertical(console, columns, cells)
    else:
        console.print(_table(columns, cells, kept, width))


def _widths(columns: Sequence[Column], cells: Sequence[Sequence[str]]) -> list[int]:
    return [
        max([cell_len(column.heading), *(cell_len(row[at]) for row in cells)])
        for at, column in enumerate(columns)
    ]


def _columns_that_fit(
    columns: Sequence[Column], cells: Sequence[Sequence[str]], width: int
) -> list[int] | None:
    """Positions of the columns to draw; None when even the ids alone do not fit."""
    widths = _widths(columns, cells)
    kept = list(range(len(columns)))
    while _least_width(columns, widths, kept) > width:
        droppable = [at for at in kept if not columns[at].is_id]
        if not droppable:
            return None
        kept.remove(max(droppable, key=lambda at: (columns[at].drop, at)))
    return kept


def _least_width(columns: Sequence[Column], widths: Sequence[int], kept: Sequence[int]) -> int:
    needed = [
        min(widths[at], columns[at].least) if _may_be_cut(columns[at]) else widths[at]
        for at in kept
    ]
    return sum(needed) + _GAP * max(0, len(needed) - 1)


def _may_be_cut(column: Column) -> bool:
    return not column.is_id and not column.right


def _shrunk(columns: Sequence[Column], widths: list[int], kept: Sequence[int], width: int) -> None:
    """Narrow the widest columns that may be cut until the table fits."""
    cut = [at for at in kept if _may_be_cut(columns[at])]
    while sum(widths[at] for at in kept) + _GAP * (len(kept) - 1) > width:
        widths[max(cut, key=lambda at: widths[at])] -= 1


def _table(
    columns: Sequence[Column], cells: Sequence[Sequence[str]], kept: list[int], width: int
) -> Table:
    widths = _widths(columns, cells)
    _shrunk(columns, widths, kept, width)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for at in kept:
        # Widths are ours: rich would crop the whole line where columns cannot wrap.
        justify: Literal["left", "right"] = "right" if columns[at].right else "left"
        table.add_column(
            Text(columns[at].heading),
            justify=justify,
            no_wrap=True,
            overflow="ellipsis",
            width=widths[at],
        )
    for row in cells:
        table.add_row(*(Text(row[at]) for at in kept))
    return table


def _print_vertical(
    console: Console, columns: Sequence[Column], cells: Sequence[Sequence[str]]
) -> None:
    longest = max(cell_len(column.heading) for column in columns)
    for number, row in enumerate(cells):
        if number:
            console.print()
        for column, cell in zip(columns, row, strict=True):
            line = Text(f"{padded(column.heading, longest)}  {cell}")
            console.print(line, overflow="fold")
