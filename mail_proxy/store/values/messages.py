"""Messages as they are looked for and looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from mail_proxy.domain.filters import Filter
from mail_proxy.domain.state import RecipientState, State
from mail_proxy.store.values.events import EventRow

T = TypeVar("T")
At = TypeVar("At")
Position: TypeAlias = tuple[str, int, int]  # tenant_id, priority, pk of the last row seen


@dataclass(frozen=True, slots=True)
class RecipientRow:
    position: int
    address: str
    state: RecipientState
    reply_code: int | None
    reply: str | None


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message as it is looked at; `content` and `events` only when asked for."""

    tenant_id: str
    pk: int
    id: str
    account_id: str
    state: State
    priority: int
    due_at: float
    deferred_ts: int | None
    expires_at: float | None
    batch_code: str | None
    sender: str
    subject: str
    return_path: str
    rfc_message_id: str
    size_bytes: int
    created_at: float
    updated_at: float
    tries: int
    sent_at: float | None
    error: str | None
    error_code: int | None
    error_at: float | None
    finished_at: float | None
    held_reason: str | None
    request_id: str | None = None
    recipients: tuple[RecipientRow, ...] = ()
    content: bytes | None = None
    events: tuple[EventRow, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """What a listing or a change asks for. `tenant_id` None is for the admin only.

    now: what ages and due times are compared with. up_to: only messages of keys up to this one.
    """

    tenant_id: str | None = None
    terms: Filter = ()
    now: float = 0.0
    up_to: int | None = None


class Place(NamedTuple):
    """Where a list in another order goes on: the last row seen.

    part: of the order; what that is, `store/ordering.py` knows. at: its time where the part is
    sorted by one, else 0.
    """

    part: int
    at: float
    pk: int


@dataclass(frozen=True, slots=True)
class Found(Generic[T, At]):
    """A part of what matches. after: where to go on; None: all has been seen."""

    rows: list[T]
    after: At | None


@dataclass(frozen=True, slots=True)
class Key:
    """A message as a walk through many sees it."""

    id: str
    pk: int
    size_bytes: int
