"""What happened, a line each."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from mail_proxy_tui.draw.cells import cell, fitted
from mail_proxy_tui.draw.glyphs import Glyphs
from mail_proxy_tui.draw.letter import clock
from mail_proxy_tui.draw.palette import Palette
from mail_proxy_tui.feed.base import Happening

_KIND, _TENANT, _ACCOUNT, _ID = 10, 8, 11, 14


def happening_line(event: Happening, width: int, glyphs: Glyphs, palette: Palette) -> Text:
    """`12:04:31Z  sent  acme  smtp-main  f00d9a10  250 2.0.0 queued`."""
    parts = (
        (event.tenant_id or "-", _TENANT),
        (event.account_id or "-", _ACCOUNT),
        (event.message_id or "-", _ID),
    )
    line = Text.assemble(" ", (clock(event.at), palette.muted), "  ")
    line.append_text(cell(event.kind, _KIND, kind_style(event.kind, palette)))
    for value, room in parts:
        line.append(" " + fitted(value, room, ellipsis=glyphs.ellipsis))
    many = f"{event.n} times  " if event.n > 1 else ""
    rest = max(width - line.cell_len - 2, 8)
    line.append("  " + fitted(many + event.words, rest, ellipsis=glyphs.ellipsis))
    return line


def latest_lines(
    events: Sequence[Happening], width: int, height: int, glyphs: Glyphs, palette: Palette
) -> list[Text]:
    """The newest first, as many as there is room for."""
    if not events:
        return [Text(" Nothing has happened since it is watched.", palette.muted)]
    newest = events[: -height - 1 : -1] if height > 0 else []
    return [happening_line(event, width, glyphs, palette) for event in newest]


def kind_style(kind: str, palette: Palette) -> str:
    match kind:
        case "sent":
            return palette.sent
        case "deferred" | "limited" | "in_doubt" | "dropped":
            return palette.deferred
        case "error" | "failed" | "bounce" | "bounced" | "paused":
            return palette.failed
        case _:
            return ""
