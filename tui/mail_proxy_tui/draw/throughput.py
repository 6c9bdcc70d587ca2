"""What goes out: rates of the last minute, and ten minutes as a line."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from mail_proxy.domain import units
from mail_proxy_tui.draw.cells import joined, spread
from mail_proxy_tui.draw.glyphs import Glyphs
from mail_proxy_tui.draw.graphs import gathered, spark
from mail_proxy_tui.draw.palette import Palette
from mail_proxy_tui.feed.base import Numbers
from mail_proxy_tui.feed.history import KEPT_S, History

_MINUTE = 60


def per_minute(seconds: Sequence[float | None]) -> int | None:
    """Of the last minute; None where none of it is known."""
    known = [value for value in seconds[-_MINUTE:] if value is not None]
    return round(sum(known)) if known else None


def graph_lines(
    title: str,
    seconds: Sequence[float | None],
    width: int,
    style: str,
    glyphs: Glyphs,
    palette: Palette,
    *,
    is_stale: bool = False,
) -> list[Text]:
    """The rate, and its line below. is_stale: nobody knows the rate of now; its line stays."""
    rate = None if is_stale else per_minute(seconds)
    number = Text("-" if rate is None else str(rate), palette.strong)
    line = spark(gathered(seconds, width, KEPT_S), width, glyphs)
    return [spread(Text(title), number, width), Text(line, style)]


def narrow_lines(
    numbers: Numbers | None,
    history: History,
    width: int,
    glyphs: Glyphs,
    palette: Palette,
    *,
    notes: Sequence[Text] = (),
    is_stale: bool = False,
) -> list[Text]:
    """Six lines. notes: in place of the last two, what the band has to say instead."""
    lines = _graphs(history, 2, width, glyphs, palette, is_stale=is_stale)
    tail = list(notes) or ([] if numbers is None else [_waits(numbers), _works(numbers)])
    return [*lines, *tail]


def wide_lines(
    numbers: Numbers | None,
    history: History,
    width: int,
    glyphs: Glyphs,
    palette: Palette,
    *,
    is_stale: bool = False,
) -> list[Text]:
    """Seven lines: the three graphs, and how long a message takes."""
    lines = _graphs(history, 3, width, glyphs, palette, is_stale=is_stale)
    if numbers is not None:
        lines.append(joined([_seconds(numbers), _workers(numbers)], "   "))
    return lines


def _graphs(
    history: History, n: int, width: int, glyphs: Glyphs, palette: Palette, *, is_stale: bool
) -> list[Text]:
    """The first n of them."""
    all_of_them = (
        ("sent/min", history.sent, palette.sent),
        ("deferred/min", history.deferred, palette.deferred),
        ("failed/min", history.failed, palette.failed),
    )
    return [
        line
        for title, seconds, style in all_of_them[:n]
        for line in graph_lines(title, seconds, width, style, glyphs, palette, is_stale=is_stale)
    ]


def _waits(numbers: Numbers) -> Text:
    parts = []
    if numbers.oldest_s is not None:
        parts.append(f"oldest {units.duration(numbers.oldest_s)}")
    if numbers.next_retry_s is not None:
        parts.append(f"next retry {units.duration(numbers.next_retry_s)}")
    return Text("   ".join(parts))


def _workers(numbers: Numbers) -> Text:
    if numbers.workers_all is None:
        return Text()
    return Text(f"workers {numbers.workers_busy or 0}/{numbers.workers_all}")


def _works(numbers: Numbers) -> Text:
    parts = [_workers(numbers).plain] if numbers.workers_all is not None else []
    if numbers.db_ms is not None:
        parts.append(f"db {numbers.db_ms:.0f} ms")
    if numbers.lag_s is not None:
        parts.append(f"lag {numbers.lag_s:.0f} s")
    return Text("  ".join(parts))


def _seconds(numbers: Numbers) -> Text:
    parts = []
    if numbers.p50_s is not None:
        parts.append(f"p50 {numbers.p50_s:.1f} s")
    if numbers.p95_s is not None:
        parts.append(f"p95 {numbers.p95_s:.1f} s")
    return Text("  ".join(parts))
