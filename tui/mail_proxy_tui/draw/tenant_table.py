"""The tenants as a table: whether they may send, what waits, and how their reports go."""

from __future__ import annotations

from rich.text import Text

from mail_proxy.domain import units
from mail_proxy.domain.message import WHOLE_TENANT
from mail_proxy_tui.draw.glyphs import Glyphs
from mail_proxy_tui.draw.palette import Palette
from mail_proxy_tui.draw.table import TableColumn, number, row_line
from mail_proxy_tui.feed.base import Callback, CallbackState, TenantRow

COLUMNS = (
    TableColumn("id", "TENANT", 9, grows=2, most=24),
    TableColumn("name", "NAME", 8, grows=2, most=40),
    TableColumn("state", "STATE", 13, grows=2, most=40),
    TableColumn("ready", "READY", 6, right=True),
    TableColumn("deferred", "DEFER", 6, right=True),
    TableColumn("failed", "FAIL 24H", 8, right=True),
    TableColumn("callback", "REPORTS", 21, grows=3),
)


def tenant_line(
    row: TenantRow,
    columns: tuple[TableColumn, ...],
    now: float,
    mark: str,
    glyphs: Glyphs,
    palette: Palette,
) -> Text:
    texts: dict[str, Text | str] = {
        "id": row.tenant_id,
        "name": row.name,
        "state": state_text(row, palette),
        "ready": number(row.ready, glyphs, palette),
        "deferred": number(row.deferred, glyphs, palette, palette.deferred),
        "failed": number(row.failed_24h, glyphs, palette, palette.failed),
        "callback": callback_text(row.callback, now, palette),
    }
    return row_line(columns, texts, mark, glyphs)


def state_text(row: TenantRow, palette: Palette) -> Text:
    if not row.is_active:
        return Text("INACTIVE", palette.failed)
    n = row.suspended_messages
    if WHOLE_TENANT in row.suspended:
        return Text(f"SUSPENDED {n}" if n else "SUSPENDED", palette.deferred)
    if row.suspended:
        many = f"{n} " if n else ""
        return Text(f"{many}not {', '.join(row.suspended)}", palette.deferred)
    return Text("active", palette.sent)


def callback_text(callback: Callback, now: float, palette: Palette) -> Text:
    match callback.state:
        case CallbackState.OK:
            return Text(f"ok {units.age(callback.last_ok_at, now)} ago", palette.sent)
        case CallbackState.FAILING:
            following = _next(callback, now)
            return Text(f"FAILING {callback.failures}x{following}", palette.failed)
        case CallbackState.PAUSED:
            return Text("PAUSED by 410", palette.failed)
        case CallbackState.IDLE:
            return Text("nothing yet", palette.muted)
        case CallbackState.NONE:
            return Text("no URL", palette.muted)
        case CallbackState.UNKNOWN:
            return Text("-", palette.muted)


def _next(callback: Callback, now: float) -> str:
    if callback.retry_at is None:
        return ""
    return f" next {units.duration(max(callback.retry_at - now, 0))}"


def tenant_truth(row: TenantRow, now: float, palette: Palette) -> Text:
    """The line of truth: what keeps its mail, or its reports, from going."""
    callback = row.callback
    if not row.is_active:
        return Text("its mail waits and its key is refused, until it is active", palette.failed)
    if callback.state is CallbackState.PAUSED:
        words = f"its application answered 410: {callback.parked} reports are parked"
        return Text(words, palette.failed)
    if callback.state is CallbackState.FAILING:
        waiting = f"{callback.unreported} reports wait{_since(callback, now)}"
        return Text(f"{waiting}: {callback.last_error}", palette.failed)
    n = row.suspended_messages
    waits = "its mail waits" if n is None else f"{units.messages(n)} wait{'s' * (n == 1)}"
    if WHOLE_TENANT in row.suspended:
        return Text(f"suspended: {waits}; s activates it", palette.deferred)
    if row.suspended:
        return Text(f"suspended, {waits}: {', '.join(row.suspended)}", palette.deferred)
    return Text("enter shows its messages", palette.muted)


def _since(callback: Callback, now: float) -> str:
    if callback.last_ok_at is None:
        return ", none was ever taken"
    return f", the last was taken {units.age(callback.last_ok_at, now)} ago"
