"""What a person may do with messages, from which states, and why not from the others."""

from __future__ import annotations

from enum import StrEnum

from mail_proxy.domain.state import FINAL, Event, State, sources


class Action(StrEnum):
    HOLD = "hold"
    FREE = "free"
    RETRY = "retry"
    SETTLE = "settle"
    RESEND = "resend"  # a new message of an old one
    DELETE = "delete"


# What is claimed and not begun is taken back before these.
TAKES_BACK = frozenset({Action.HOLD, Action.RETRY, Action.DELETE})

POSSIBLE: dict[Action, frozenset[State]] = {
    Action.HOLD: sources(Event.HOLD),
    Action.FREE: sources(Event.FREE),
    Action.RETRY: sources(Event.RETRY),
    Action.SETTLE: sources(Event.SETTLE_SENT),
    Action.RESEND: FINAL,
    Action.DELETE: frozenset(State) - {State.LEASED},
}

PAST: dict[Action, str] = {
    Action.HOLD: "held",
    Action.FREE: "freed",
    Action.RETRY: "retried",
    Action.SETTLE: "settled",
    Action.RESEND: "resent",
    Action.DELETE: "deleted",
}

_WORDS: dict[State, str] = {
    State.WAITING: "waiting",
    State.SUSPENDED: "suspended",
    State.HELD: "held",
    State.LEASED: "being sent now",
    State.IN_DOUBT: "in doubt",
    State.SENT: "already sent",
    State.FAILED: "already failed",
    State.BOUNCED: "already sent, and bounced",
}
_NOT: dict[Action, str] = {
    Action.FREE: "not held",
    Action.SETTLE: "not in doubt",
    Action.RESEND: "not finished",
}
_SPECIAL: dict[tuple[Action, State], str] = {
    (Action.HOLD, State.HELD): "already held",
    (Action.HOLD, State.IN_DOUBT): "in doubt: settle it, or retry it",
    (Action.RETRY, State.SUSPENDED): "suspended: activate its tenant or batch",
    (Action.RETRY, State.SENT): "already sent: resend it",
    (Action.RETRY, State.BOUNCED): "already sent, and bounced: resend it",
}

EXPIRED = "expired: it is never sent later"
NO_CONTENT = "its content is gone"
NONE_REFUSED = "no recipient was refused"
ID_TAKEN = "there is a message with the new id"

_BY = "by "


def refusal(action: Action, state: State) -> str:
    """Why `action` is not possible now, in a few words; empty where it is."""
    if state in POSSIBLE[action]:
        return ""
    if (action, state) in _SPECIAL:
        return _SPECIAL[action, state]
    return f"{_NOT[action]}: {_WORDS[state]}" if action in _NOT else _WORDS[state]


def held_by(name: str) -> str:
    """The reason of a message that a person holds."""
    return _BY + name


def held_words(reason: str | None) -> str:
    """Who holds a message, for people. reason: that of a person's hold."""
    if reason == held_by("local"):  # the caller who comes by the control socket, without a token
        return "held by a person on this machine"
    return f"held {reason}" if reason else "held"


def is_held_by_hand(reason: str | None) -> bool:
    return reason is None or reason.startswith(_BY)
