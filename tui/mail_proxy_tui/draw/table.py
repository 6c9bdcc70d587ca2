"""Lines of a table whose columns share the width of a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rich.text import Text

from mail_proxy_tui.draw.cells import cell
from mail_proxy_tui.draw.glyphs import Glyphs
from mail_proxy_tui.draw.palette import Palette

MARK = 1  # the first cell of a line is its mark


@dataclass(frozen=True, slots=True)
class TableColumn:
    """width: the least. grows: how many of the cells that are left over, 0 none, go to it.

    least: it is there only in a list that is at least so wide.
    """

    key: str
    title: str
    width: int
    right: bool = False
    grows: int = 0
    most: int = 1000
    least: int = 0


def fitting(columns: Sequence[TableColumn], width: int) -> tuple[TableColumn, ...]:
    """Those that are shown in a list of that width, grown until they fill it."""
    shown = [column for column in columns if width >= column.least]
    left = width - MARK - sum(column.width + 1 for column in shown)
    while left > 0:
        growing = [n for n, c in enumerate(shown) if c.grows and c.width < c.most]
        if not growing:
            break
        for n in growing:
            column = shown[n]
            more = min(column.grows, left, column.most - column.width)
            shown[n] = replace(column, width=column.width + more)
            left -= more
    return tuple(shown)


def head_line(columns: Sequence[TableColumn], palette: Palette) -> Text:
    heads = [cell(c.title, c.width, palette.head, right=c.right) for c in columns]
    return Text.assemble(" " * MARK, Text(" ").join(heads))


def row_line(
    columns: Sequence[TableColumn], texts: Mapping[str, Text | str], mark: str, glyphs: Glyphs
) -> Text:
    """Texts by the key of their column; each is made safe and cut to its width."""
    cells = []
    for column in columns:
        text = texts.get(column.key, "")
        style = str(text.style) if isinstance(text, Text) else ""
        plain = text.plain if isinstance(text, Text) else text
        cells.append(cell(plain, column.width, style, right=column.right, ellipsis=glyphs.ellipsis))
    return Text.assemble(mark, Text(" ").join(cells))


def number(value: int | None, glyphs: Glyphs, palette: Palette, style: str = "") -> Text:
    """Zero is a dim dot, so that what is not zero stands out; `-`: nobody knows."""
    if value is None:
        return Text("-", palette.muted)
    return Text(str(value), style) if value else Text(glyphs.zero, palette.muted)
