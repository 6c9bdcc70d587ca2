"""The accounts as a table: state, what is used of their limits, what they did today."""

from __future__ import annotations

from rich.text import Text

from mail_proxy.domain import units
from mail_proxy_tui.draw.accounts import trouble_text
from mail_proxy_tui.draw.glyphs import Glyphs
from mail_proxy_tui.draw.graphs import gauge
from mail_proxy_tui.draw.palette import Palette
from mail_proxy_tui.draw.table import TableColumn, number, row_line
from mail_proxy_tui.feed.base import AccountRow, AccountState, Gauge

WINDOWS = ("minute", "hour", "day")
_ARTICLE = {"minute": "a minute", "hour": "an hour", "day": "a day"}
_WIDE_GAUGE = 12  # cells of a column that has room for a bar
COLUMNS = (
    TableColumn("account", "ACCOUNT", 16, grows=1, most=34),
    TableColumn("host", "HOST", 15, grows=1, most=34),
    TableColumn("tls", "TLS", 8, least=90),
    TableColumn("state", "STATE", 13, grows=1, most=20),
    TableColumn("minute", "MIN", 4, right=True, grows=3, most=_WIDE_GAUGE),
    TableColumn("hour", "HOUR", 4, right=True, grows=3, most=_WIDE_GAUGE),
    TableColumn("day", "DAY", 4, right=True, grows=3, most=_WIDE_GAUGE),
    TableColumn("flight", "FLY", 3, right=True),
    TableColumn("sent", "SENT", 5, right=True),
    TableColumn("failed", "FAIL", 4, right=True),
    TableColumn("error", "LAST ERROR", 14, grows=2, least=110),
)


def account_line(
    row: AccountRow,
    columns: tuple[TableColumn, ...],
    now: float,
    mark: str,
    glyphs: Glyphs,
    palette: Palette,
) -> Text:
    by_window = {each.window: each for each in row.gauges or ()}
    widths = {column.key: column.width for column in columns}
    texts: dict[str, Text | str] = {
        "account": f"{row.tenant_id}/{row.account_id}",
        "host": f"{row.host}:{row.port}",
        "tls": row.tls_mode,
        "state": state_text(row, now, palette),
        "flight": number(row.in_flight, glyphs, palette, palette.sending),
        "sent": number(row.sent_today, glyphs, palette),
        "failed": number(row.failed_today, glyphs, palette, palette.failed),
        "error": row.last_error or row.reason,
    }
    for window in WINDOWS:
        texts[window] = _used(by_window.get(window), widths[window], glyphs, palette)
    return row_line(columns, texts, mark, glyphs)


def state_text(row: AccountRow, now: float, palette: Palette) -> Text:
    """A word, in capitals where the account does not send."""
    if row.state is AccountState.OK:
        return Text("ok", palette.sent)
    if row.state is AccountState.PAUSED:
        return Text("PAUSED", palette.muted)
    return trouble_text(row, now, palette)


def _used(found: Gauge | None, width: int, glyphs: Glyphs, palette: Palette) -> Text:
    """Its part in percent, and a bar where there is room."""
    if found is None:
        return Text(glyphs.zero, palette.muted)
    style = palette.deferred if found.fraction >= 1 else ""
    percent = f"{found.fraction:.0%}"
    room = width - 5
    bar = gauge(found.fraction, room, glyphs) if room >= 6 else ""
    return Text(f"{bar}{percent:>5}" if bar else percent, style)


def account_truth(row: AccountRow, now: float, palette: Palette) -> Text:
    """The line of truth: why it does not send, else its limits and its last error."""
    match row.state:
        case AccountState.PAUSED:
            why = f": {row.reason}" if row.reason else ""
            return Text(f"paused by a person{why}; s resumes it", palette.muted)
        case AccountState.LIMITED:
            return Text(row.reason + _ends(row, now), palette.deferred)
        case AccountState.BROKEN | AccountState.PROBING:
            told = row.last_error or row.reason
            return Text(told + _ends(row, now, "tried again in"), palette.failed)
        case AccountState.OK:
            return _at_ease(row, now, palette)


def _ends(row: AccountRow, now: float, words: str = "frees in") -> str:
    if row.until_at is None:
        return ""
    return f"; {words} {units.duration(max(row.until_at - now, 0))}"


def _at_ease(row: AccountRow, now: float, palette: Palette) -> Text:
    used = [f"{g.used} of {g.limit} in {_ARTICLE[g.window]}" for g in row.gauges or ()]
    nothing = "its limits are not known now" if row.gauges is None else "no limit is set"
    parts = [", ".join(used) or nothing]
    if row.last_error:
        ago = "" if row.last_error_at is None else f" ({units.age(row.last_error_at, now)} ago)"
        parts.append(f"last error{ago}: {row.last_error}")
    return Text(";  ".join(parts), palette.muted)
