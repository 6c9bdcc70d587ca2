"""The queue by priority and state: the band of numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.text import Text

from mail_proxy.domain import units
from mail_proxy.domain.message import PRIORITY_WORDS
from mail_proxy_tui.draw.cells import short_count
from mail_proxy_tui.draw.glyphs import Glyphs
from mail_proxy_tui.draw.palette import Palette
from mail_proxy_tui.feed.base import Cells, Numbers

_LABEL = 11  # its blanks included
_WIDEST = 7


@dataclass(frozen=True, slots=True)
class _Column:
    """style: the name of a style of the palette. is_rare: shown only where there is something."""

    title: str
    short: str  # where the columns are narrow
    count: Callable[[Cells], int | None]
    style: str = ""
    is_rare: bool = False


_COLUMNS = (
    _Column("READY", "RDY", lambda c: c.ready),
    _Column("DEFER", "DEF", lambda c: c.deferred, "deferred"),
    _Column("SEND", "SEND", lambda c: c.sending, "sending"),
    _Column("SUSP", "SUSP", lambda c: c.suspended, "muted", is_rare=True),
    _Column("HELD", "HELD", lambda c: c.held),
    _Column("DOUBT", "DBT", lambda c: c.in_doubt, "deferred", is_rare=True),
    _Column("FAIL", "FAIL", lambda c: c.failed, "failed"),
)


def queue_lines(numbers: Numbers, width: int, glyphs: Glyphs, palette: Palette) -> list[Text]:
    """Six lines: the heads, a line for each priority, and all of them."""
    columns = [c for c in _COLUMNS if not c.is_rare or c.count(numbers.all)]
    each = min(_WIDEST, max((width - _LABEL) // len(columns), 4))
    is_narrow = each <= max(len(c.title) for c in columns)
    heads = "".join((c.short if is_narrow else c.title).rjust(each) for c in columns)
    lines = [Text(" " + "PRIORITY".ljust(_LABEL - 1) + heads, palette.head)]
    for priority, word in enumerate(PRIORITY_WORDS):
        cells = numbers.by_priority.get(priority, Cells())
        lines.append(_line(word, cells, columns, each, glyphs, palette))
    lines.append(_line("ALL", numbers.all, columns, each, glyphs, palette, is_sum=True))
    return lines


def _line(
    label: str,
    cells: Cells,
    columns: list[_Column],
    each: int,
    glyphs: Glyphs,
    palette: Palette,
    *,
    is_sum: bool = False,
) -> Text:
    line = Text(" " + label.ljust(_LABEL - 1), palette.strong if is_sum else "")
    for column in columns:
        count = column.count(cells)
        if not count:
            # A count that nobody knows is not a zero.
            shown = "-" if count is None else glyphs.zero
            line.append(shown.rjust(each), palette.muted)
            continue
        style = getattr(palette, column.style) if column.style else ""
        if is_sum:
            style = f"{style} {palette.strong}".strip()
        line.append(short_count(count, each - 1).rjust(each), style)
    return line


def waits(numbers: Numbers) -> list[str]:
    """How long the oldest waits, and how late the daemon is; only what is known."""
    parts = []
    if numbers.oldest_s is not None:
        parts.append(f"oldest due {units.duration(numbers.oldest_s)}")
    if numbers.next_retry_s is not None:
        parts.append(f"next retry {units.duration(numbers.next_retry_s)}")
    if numbers.lag_s is not None:
        parts.append(f"lag {numbers.lag_s:.0f} s")
    return parts
