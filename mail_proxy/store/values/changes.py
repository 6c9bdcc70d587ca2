"""What a person does to messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mail_proxy.domain.state import Event, RecipientState, State
from mail_proxy.store.values.events import NewEvent
from mail_proxy.store.values.intake import KeptAnswer, NewMessage


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a message without an attempt: `event` leads to SENT or FAILED.

    updated_at: of the row as it was read; a row that has changed since is left alone.
    recipients: what those still pending become; `reply` takes the place of theirs, None keeps it.
    error: why it failed; None for one that is sent.
    """

    tenant_id: str
    pk: int
    event: Event
    updated_at: float
    recipients: RecipientState
    events: tuple[NewEvent, ...]
    reply: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Acted:
    """What became of one message that a person wanted to change.

    state: as it was before. reason: why nothing was done; empty: it is done.
    new_id: of the new message, where one was made.
    """

    id: str
    pk: int
    state: State
    reason: str
    new_id: str | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """A new message of the one with this key. new_id: empty: the store chooses one."""

    pk: int
    message: NewMessage
    new_id: str | None = None


KeepCopies = Callable[[Sequence["Acted"]], KeptAnswer | None]  # the same for all copies so far
