"""Accounts in the band of numbers: what is used of their limits, and what is wrong."""

from __future__ import annotations

from rich.text import Text

from mail_proxy.domain import units
from mail_proxy.domain.safe_text import safe_text
from mail_proxy_tui.draw.cells import clipped, fitted
from mail_proxy_tui.draw.glyphs import Glyphs
from mail_proxy_tui.draw.graphs import gauge
from mail_proxy_tui.draw.palette import Palette
from mail_proxy_tui.feed.base import AccountRow, AccountState, Gauge

_GAUGE = 17
_SHORT_GAUGE = 10  # where more than two accounts want their place on a line
_LONGEST = 400
_LONGEST_NAME = 14
# What wants a person comes first.
_WEIGHT = {
    AccountState.BROKEN: 0,
    AccountState.PROBING: 1,
    AccountState.LIMITED: 2,
    AccountState.PAUSED: 3,
    AccountState.OK: 4,
}


def in_order(rows: tuple[AccountRow, ...]) -> list[AccountRow]:
    """Those with troubles first, then those nearest to a limit."""

    def weight(row: AccountRow) -> tuple[int, float, tuple[str, str]]:
        tightest = _tightest(row)
        return (_WEIGHT[row.state], -(tightest.fraction if tightest else 0.0), row.key)

    return sorted(rows, key=weight)


def narrow_line(
    rows: tuple[AccountRow, ...], now: float, width: int, glyphs: Glyphs, palette: Palette
) -> Text:
    """As many accounts as one line has room for, and how many there are besides."""
    if not rows:
        return Text(" no accounts yet", palette.muted)
    line = Text(" ")
    ordered = in_order(rows)
    for n, row in enumerate(ordered):
        bar = _GAUGE if len(ordered) <= 2 else _SHORT_GAUGE
        part = _short(row, now, bar, glyphs, palette)
        rest = len(ordered) - n
        more = f"  +{rest}{glyphs.more}"
        room = width - (len(more) if rest > 1 else 0)
        if n and line.cell_len + part.cell_len + 3 > room:
            line.append(more.strip().rjust(max(width - line.cell_len, 0)), palette.muted)
            return line
        if n:
            line.append("   ")
        line.append_text(part)
    return line


def wide_lines(
    rows: tuple[AccountRow, ...],
    now: float,
    width: int,
    height: int,
    glyphs: Glyphs,
    palette: Palette,
) -> list[Text]:
    """`height` lines: an account each, and what they are altogether."""
    if not rows:
        return [Text("no accounts yet", palette.muted)]
    ordered = in_order(rows)
    shown = ordered[: max(height - 1, 0)]
    names = max((len(_name(row)) for row in shown), default=0)
    room = min(max(names, 10), width - 30)
    lines = [_long(row, now, room, width, glyphs, palette) for row in shown]
    lines += [Text()] * (height - 1 - len(lines))
    return [*lines, _sum(rows, len(ordered) - len(shown), palette)]


def _name(row: AccountRow) -> str:
    return safe_text(f"{row.tenant_id}/{row.account_id}", _LONGEST)


def _short(row: AccountRow, now: float, width: int, glyphs: Glyphs, palette: Palette) -> Text:
    name = fitted(
        row.account_id,
        min(len(safe_text(row.account_id, _LONGEST)), _LONGEST_NAME),
        ellipsis=glyphs.ellipsis,
    )
    tightest = _tightest(row)
    trouble = trouble_text(row, now, palette)
    if row.state in (AccountState.BROKEN, AccountState.PROBING, AccountState.PAUSED):
        return Text.assemble(name, " ", trouble)
    if row.state is AccountState.LIMITED:
        bar = gauge(1.0 if tightest is None else tightest.fraction, width, glyphs)
        return Text.assemble(name, " ", (bar, palette.deferred), trouble)
    if tightest is None:
        return Text.assemble(name, " ", (_without_gauge(row), palette.muted))
    used = f" {tightest.fraction:.0%}/{tightest.window[:1]}"
    return Text.assemble(name, " ", (gauge(tightest.fraction, width, glyphs), ""), used)


def _long(
    row: AccountRow, now: float, names: int, width: int, glyphs: Glyphs, palette: Palette
) -> Text:
    name = fitted(_name(row), names, ellipsis=glyphs.ellipsis)
    tightest = _tightest(row)
    if row.state in (AccountState.BROKEN, AccountState.PROBING, AccountState.PAUSED):
        line = Text.assemble(name, "  ", trouble_text(row, now, palette, is_long=True))
        return clipped(line, width, glyphs.ellipsis)
    tail = (
        trouble_text(row, now, palette)
        if row.state is AccountState.LIMITED
        else Text(_without_gauge(row), palette.muted)
        if tightest is None
        else Text(f"{tightest.used}/{tightest.limit} {tightest.window[:1]}")
    )
    fraction = tightest.fraction if tightest else float(row.state is AccountState.LIMITED)
    bar = gauge(fraction, max(width - names - 16, 8), glyphs)
    style = palette.deferred if row.state is AccountState.LIMITED else ""
    line = Text.assemble(name, "  ", (bar, style))
    return Text.assemble(line, " " * max(width - line.cell_len - tail.cell_len, 1), tail)


def trouble_text(row: AccountRow, now: float, palette: Palette, *, is_long: bool = False) -> Text:
    """What keeps the account from sending; empty where nothing does."""
    left = "" if row.until_at is None else " " + units.duration(max(row.until_at - now, 0))
    match row.state:
        case AccountState.LIMITED:
            return Text(f"LIMIT{left}", palette.deferred)
        case AccountState.BROKEN | AccountState.PROBING:
            word = _broken(row)
            told = safe_text(row.last_error or row.reason, _LONGEST) if is_long else ""
            tail = f"  {told}" if told else ""
            return Text(f"{word}{left}{tail}", palette.failed)
        case AccountState.PAUSED:
            by = safe_text(row.reason, _LONGEST) if is_long else ""
            return Text(f"PAUSED by a person{': ' + by if by else ''}", palette.muted)
        case _:
            return Text()


def _broken(row: AccountRow) -> str:
    return "AUTH FAILED" if "login" in row.reason.lower() else "FAILING"


def _tightest(row: AccountRow) -> Gauge | None:
    return max(row.gauges or (), key=lambda g: g.fraction, default=None)


def _without_gauge(row: AccountRow) -> str:
    return "ok" if row.gauges is None else "no limit"


def _sum(rows: tuple[AccountRow, ...], hidden: int, palette: Palette) -> Text:
    parts = [f"{len(rows)} account{'' if len(rows) == 1 else 's'}"]
    limited = sum(row.state is AccountState.LIMITED for row in rows)
    broken = sum(row.state in (AccountState.BROKEN, AccountState.PROBING) for row in rows)
    paused = sum(row.state is AccountState.PAUSED for row in rows)
    for count, word in ((limited, "limited"), (broken, "broken"), (paused, "paused")):
        parts += [f"{count} {word}"] if count else []
    parts += [f"{hidden} not shown"] if hidden else []
    return Text("  ".join(parts), palette.muted)
