"""One message in full: its head, and what happened to it."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.text import Text

from mail_proxy.domain import units
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.domain.state import State
from mail_proxy_tui.draw.advice import advice, chance
from mail_proxy_tui.draw.cells import clipped, fitted
from mail_proxy_tui.draw.glyphs import Glyphs
from mail_proxy_tui.draw.messages import (
    key_hint,
    next_text,
    priority_word,
    state_style,
    state_word,
    tries_text,
)
from mail_proxy_tui.draw.palette import Palette
from mail_proxy_tui.draw.wrapping import wrapped
from mail_proxy_tui.feed.base import Letter, TimelineEntry

_LABEL = 9
_LEFT = 50  # columns of the left half at 80
_TWO_FROM = 76  # columns from which fields stand in pairs


def clock(at: float) -> str:
    """The time of the day in UTC: `09:58:02Z`; empty for what the calendar does not hold."""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return ""


def moment(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return "-"


def head_lines(
    letter: Letter, now: float, width: int, glyphs: Glyphs, palette: Palette
) -> list[Text]:
    """What it is: two fields a line where there is room, else one."""
    left, right = _left(letter, now, palette), _right(letter)
    if width < _TWO_FROM:
        return [_field(label, value, width, glyphs) for label, value in (*left, *right) if value]
    half = max(_LEFT, width // 2)
    lines = []
    for n in range(max(len(left), len(right))):
        pair = [_field(*left[n], half, glyphs) if n < len(left) else Text(" " * half)]
        pair += [_field(*right[n], width - half, glyphs)] if n < len(right) else []
        lines.append(Text.assemble(*pair))
    return lines


def _left(letter: Letter, now: float, palette: Palette) -> list[tuple[str, Text]]:
    row = letter.row
    to = ", ".join(safe_text(r.address, 320) for r in letter.recipients[:3]) or safe_text(row.to)
    more = row.more_recipients + 1 - max(len(letter.recipients[:3]), 1)
    return [
        ("state", Text.assemble((state_word(row), state_style(row, palette)), _next(letter, now))),
        ("from", Text(safe_text(letter.sender))),
        ("to", Text(to + (f" +{more}" if more > 0 else ""))),
        ("subject", Text(safe_text(row.subject))),
        (
            "created",
            Text(f"{moment(row.created_at)}  ({units.duration(now - row.created_at)} ago)"),
        ),
    ]


def _next(letter: Letter, now: float) -> str:
    if letter.row.state is State.WAITING and letter.row.next_at is not None:
        told = next_text(letter.row, now)
        return f"  {told if told == 'due' else 'next in ' + told}"
    return ""


def _right(letter: Letter) -> list[tuple[str, Text]]:
    row = letter.row
    size = "" if row.size_bytes is None else units.size(row.size_bytes)
    n = len(letter.attachments)
    files = f"{n} attachment{'' if n == 1 else 's'}" if n else ""
    return [
        ("priority", Text(priority_word(row))),
        ("account", Text(safe_text(row.account_id))),
        ("batch", Text(safe_text(row.batch_code or ""))),
        ("size", Text("  ".join(part for part in (size, files) if part))),
        ("tries", Text(tries_text(row))),
    ]


def _field(label: str, value: Text, width: int, glyphs: Glyphs) -> Text:
    room = max(width - _LABEL - 2, 1)
    shown = clipped(value, room, glyphs.ellipsis)
    line = Text.assemble(" ", (label.ljust(_LABEL), "dim"), shown)
    line.append(" " * max(width - line.cell_len, 0))
    return line


def timeline_lines(letter: Letter, width: int, glyphs: Glyphs, palette: Palette) -> list[Text]:
    """What happened, oldest first; the day stands where it changes."""
    lines: list[Text] = []
    day = ""
    for entry in letter.timeline:
        today = moment(entry.at)[:10]
        if today != day and day:
            lines.append(Text(f" {today}", palette.muted))
        day = today
        lines.append(_entry_line(entry, width, glyphs, palette))
    return lines or [Text(" Nothing has happened to it yet.", palette.muted)]


def _entry_line(entry: TimelineEntry, width: int, glyphs: Glyphs, palette: Palette) -> Text:
    mark, style = _mark(entry.kind, glyphs, palette)
    head = Text.assemble(
        " ",
        (clock(entry.at), palette.muted),
        " ",
        (mark, style),
        " ",
        (fitted(entry.kind, 10), style),
    )
    tail = Text(_tail(entry), palette.muted)
    room = width - head.cell_len - tail.cell_len - 2
    words = fitted(entry.words, max(room, 8), ellipsis=glyphs.ellipsis)
    return Text.assemble(head, words, " ", tail)


def _tail(entry: TimelineEntry) -> str:
    parts = []
    if entry.seconds is not None:
        parts.append(f"{entry.seconds:.1f} s")
    if entry.next_at is not None and entry.next_at > entry.at:
        parts.append(f"next +{units.duration(entry.next_at - entry.at)}")
    return "  ".join(parts)


def _mark(kind: str, glyphs: Glyphs, palette: Palette) -> tuple[str, str]:
    match kind:
        case "attempt":
            return glyphs.tried, palette.sending
        case "deferred" | "in_doubt":
            return glyphs.put_off, palette.deferred
        case "sent":
            return glyphs.done, palette.sent
        case "failed" | "bounced" | "parked":
            return glyphs.failed, palette.failed
        case _:
            return glyphs.began, ""


def _wrapped(line: Text, width: int) -> list[Text]:
    """At most so many lines, the further ones below the first one's words."""
    indent = " " * 12
    room = max(width - 1, 20)
    first, *rest = wrapped(line, room)
    if not rest:
        return [first]
    tail = Text(line.plain[len(first.plain) :].lstrip())
    more = wrapped(tail, max(room - len(indent), 10))[: _NOW_LINES - 1]
    return [first, *(Text(indent + part.plain) for part in more)]


def recipient_lines(letter: Letter, width: int, glyphs: Glyphs, palette: Palette) -> list[Text]:
    """Each recipient with its state and the reply that decided it."""
    styles = {"accepted": palette.sent, "refused": palette.failed, "bounced": palette.failed}
    lines = []
    for recipient in letter.recipients:
        line = Text.assemble(
            " ",
            (fitted(recipient.state, 9), styles.get(recipient.state, "")),
            " ",
            safe_text(recipient.address, 320),
            "  ",
            (safe_text(recipient.reply, 500), palette.muted),
        )
        lines.append(clipped(line, width, glyphs.ellipsis))
    return lines


def header_lines(letter: Letter, palette: Palette) -> list[Text]:
    return [
        Text.assemble(" ", (safe_text(name, 200) + ": ", palette.strong), safe_text(value))
        for name, value in letter.headers
    ]


def body_lines(letter: Letter, palette: Palette) -> list[Text]:
    """Its text, and the names of what is attached."""
    lines = [Text(" " + safe_text(line)) for line in letter.body.splitlines()]
    if not lines:
        lines = [Text(" There is no text to show.", palette.muted)]
    if letter.attachments:
        lines += [Text(), Text(" Attached", palette.strong)]
        lines += [Text(f" {safe_text(name)}") for name in letter.attachments]
    return lines


def raw_lines(letter: Letter) -> list[Text]:
    # Line by line, for safe_text takes line breaks away; the indentation is ours.
    return [Text(" " + safe_text(line, 5000)) for line in letter.raw.splitlines()]


_NOW_LINES = 4  # of a reason that is told in full above the keys


def now_lines(
    letter: Letter, now: float, width: int, palette: Palette, *, can_act: bool
) -> list[Text]:
    """Why it is where it is, and how to go on: by a key, where keys do something, and by hand.

    A key has lines of its own: what a server says may be long, and is cut.
    """
    why = Text.assemble(safe_text(letter.why), _left_of(letter, now)) if letter.why else Text()
    told = advice(letter, can_act=can_act) or key_hint(letter.row, can_act=can_act)
    parts = [("Why:", why), ("What now:", Text(told))] if told else [("What now:", why)]
    lines: list[Text] = []
    for label, words in parts:
        if words:
            lines += _wrapped(Text.assemble((f" {label:11}", palette.strong), words), width)
    if may := chance(letter, can_act=can_act):
        lines += _wrapped(Text(f" {may}"), width)
    if letter.do:
        lines += _wrapped(Text.assemble(" By hand:   ", safe_text(letter.do)), width)
    return lines


def _left_of(letter: Letter, now: float) -> str:
    if letter.until_at is None or letter.until_at <= now:
        return ""
    return f"  ({units.duration(letter.until_at - now)} left)"
