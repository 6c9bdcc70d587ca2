"""A message as a row of cells: which columns there is room for, and what stands in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from mail_proxy.domain import units
from mail_proxy.domain.message import PRIORITY_WORDS
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.domain.state import State
from mail_proxy.domain.why import Cause
from mail_proxy_tui.draw.cells import cell, clipped
from mail_proxy_tui.draw.glyphs import Glyphs
from mail_proxy_tui.draw.palette import Palette
from mail_proxy_tui.feed.base import MessageRow

_SUBJECT_FROM = 110  # columns of the list
_PRIORITIES = ("imm", "high", "med", "low")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the list. width: of its text; a blank follows it."""

    key: str
    title: str
    width: int
    right: bool = False


def columns_for(width: int, *, with_tenant: bool = True) -> tuple[Column, ...]:
    """The columns that fill a list of that width, fewer where it is too narrow for all.

    with_tenant: rows of several are shown.
    """
    fixed = [Column("pri", "PRI", 4), Column("state", "STATE", 8)]
    tail = [
        Column("tries", "TRIES", 5, right=True),
        Column("next", "NEXT", 6, right=True),
        Column("age", "AGE", 4, right=True),
    ]
    with_subject = width >= _SUBJECT_FROM
    names = ["id", *(["tenant"] if with_tenant else []), "account", "to"]
    names += ["subject"] if with_subject else []
    for key in _SPARED:
        if _room(width, fixed, tail, names) >= sum(_LEAST[name] for name in names):
            break
        fixed = [c for c in fixed if c.key != key]
        tail = [c for c in tail if c.key != key]
        names = [name for name in names if name != key]
    widths = _shared(_room(width, fixed, tail, names), names)
    by_name = {name: Column(name, name.upper(), widths[name]) for name in names}
    middle = [by_name[name] for name in names if name != "id"]
    return (by_name["id"], *fixed, *middle, *tail)


def _room(width: int, fixed: list[Column], tail: list[Column], names: list[str]) -> int:
    """What is left for the columns of these names, the blanks after them taken off."""
    taken = sum(c.width + 1 for c in (*fixed, *tail))  # the mark takes the place of the last blank
    return width - taken - len(names)


_SPARED = ("tries", "pri", "tenant", "account")  # in this order; the message in full has them
_LEAST = {"id": 8, "tenant": 7, "account": 9, "to": 14, "subject": 10}
_MOST = {"id": 22, "tenant": 12, "account": 14, "to": 40, "subject": 200}
_TURNS = ("to", "to", "to", "id", "subject", "to", "tenant", "account", "subject")


def _shared(room: int, names: list[str]) -> dict[str, int]:
    """Widths that add up to `room`: what each needs at least, and the rest in turns."""
    widths = {name: _LEAST[name] for name in names}
    turns = [name for name in _TURNS if name in names]
    left = room - sum(widths.values())
    while left > 0:
        growing = [name for name in turns if widths[name] < _MOST[name]] or ["to"]
        for name in growing:
            if left > 0:
                widths[name] += 1
                left -= 1
    return widths


def row_cells(
    row: MessageRow, columns: tuple[Column, ...], now: float, glyphs: Glyphs, palette: Palette
) -> dict[str, Text]:
    """A cell for each column, by its key."""
    found = {}
    for column in columns:
        if column.key == "to":
            text, style = to_text(row, column.width, glyphs.ellipsis), ""
        else:
            text, style = _TEXTS[column.key](row, now, palette)
        found[column.key] = cell(
            text, column.width, style, right=column.right, ellipsis=glyphs.ellipsis
        )
    return found


def heads(columns: tuple[Column, ...], palette: Palette) -> list[Text]:
    return [cell(c.title, c.width, palette.head, right=c.right) for c in columns]


_WORDS: Mapping[State, str] = {
    State.SUSPENDED: "susp",
    State.HELD: "HELD",
    State.LEASED: "sending",
    State.IN_DOUBT: "DOUBT",
    State.SENT: "sent",
    State.FAILED: "FAILED",
    State.BOUNCED: "BOUNCED",
}


def state_word(row: MessageRow) -> str:
    """What a person reads; in capitals what waits for a person, or has ended badly."""
    if row.state is State.WAITING:
        return "deferred" if row.status == "deferred" else "ready"
    return _WORDS[row.state]


def state_style(row: MessageRow, palette: Palette) -> str:
    match row.state:
        case State.SENT:
            return palette.sent
        case State.FAILED | State.BOUNCED:
            return palette.failed
        case State.LEASED:
            return palette.sending
        case State.IN_DOUBT:
            return palette.deferred
        case State.HELD | State.SUSPENDED:
            return palette.muted
        case _:
            return palette.deferred if row.status == "deferred" else ""


def to_text(row: MessageRow, width: int, ellipsis: str) -> str:
    """The first recipient and how many there are besides; the number is never cut away."""
    if not row.more_recipients:
        return row.to
    more = f" +{row.more_recipients}"
    room = width - len(more)
    return (row.to if len(row.to) <= room else row.to[: room - 1] + ellipsis) + more


_KEYS_BY_CAUSE: Mapping[str, str] = {
    Cause.TENANT_SUSPENDED: "s activates it",
    Cause.BATCH_SUSPENDED: "s activates it",
    Cause.ACCOUNT_PAUSED: "s in view 2 resumes it",
    Cause.NO_ACCOUNT: "A adds one",
    Cause.TEST_MODE: "R sends it",
}
_RETRIED = frozenset({Cause.DEFERRED, Cause.SCHEDULED, Cause.FAILED})  # the key bar has `r`


def key_hint(row: MessageRow, *, can_act: bool) -> str:
    """The key that ends what its line of truth tells; empty where none does, or none may."""
    if not can_act:
        return ""
    match row.state:
        case State.HELD:
            return "h frees it"
        case State.IN_DOUBT:
            return "i settles it"
        case _:
            return _KEYS_BY_CAUSE.get(row.cause, "")


def why_line(row: MessageRow, width: int, ellipsis: str, *, can_act: bool) -> Text:
    """Why it is where it is, and how to go on: the key, which is never cut away, else the command
    where there is room for all of it."""
    words = Text(f" {safe_text(row.why, 500)}")
    if hint := key_hint(row, can_act=can_act):
        return Text.assemble(clipped(words, width - cell_len(hint) - 2, ellipsis), "; ", hint)
    if row.do and can_act and row.cause not in _RETRIED:
        line = Text.assemble(words, "; ", safe_text(row.do))
        if line.cell_len <= width:
            return line
    return clipped(words, width, ellipsis)


def tries_text(row: MessageRow) -> str:
    return str(row.tries) if row.most_tries is None else f"{row.tries}/{row.most_tries}"


def next_text(row: MessageRow, now: float) -> str:
    if row.state not in (State.WAITING, State.SUSPENDED):
        return "-"
    return "due" if row.next_at is None or row.next_at <= now else units.duration(row.next_at - now)


_Text = Callable[[MessageRow, float, Palette], tuple[str, str]]

_TEXTS: Mapping[str, _Text] = {
    "id": lambda row, _now, _palette: (row.key.id, ""),
    "pri": lambda row, _now, _palette: (_priority(row), ""),
    "state": lambda row, _now, palette: (state_word(row), state_style(row, palette)),
    "tenant": lambda row, _now, _palette: (row.key.tenant_id, ""),
    "account": lambda row, _now, _palette: (row.account_id, ""),
    "subject": lambda row, _now, palette: (row.subject, palette.muted),
    "tries": lambda row, _now, _palette: (tries_text(row), ""),
    "next": lambda row, now, _palette: (next_text(row, now), ""),
    "age": lambda row, now, _palette: (short_age(now - row.created_at), ""),
}


def _priority(row: MessageRow) -> str:
    return _PRIORITIES[row.priority] if 0 <= row.priority < len(_PRIORITIES) else str(row.priority)


def priority_word(row: MessageRow) -> str:
    known = 0 <= row.priority < len(PRIORITY_WORDS)
    return PRIORITY_WORDS[row.priority] if known else str(row.priority)


def short_age(seconds: float) -> str:
    """One unit: `14m`, `3h`, `12d`."""
    left = max(0, int(seconds))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if left >= size:
            return f"{left // size}{unit}"
    return f"{left}s"
