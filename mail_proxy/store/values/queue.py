"""Messages under our lease, and how their attempts ended."""

from __future__ import annotations

from dataclasses import dataclass

from mail_proxy.domain.limits import Reached
from mail_proxy.domain.reply import Reply
from mail_proxy.domain.state import Event, RecipientState
from mail_proxy.store.values.events import NewEvent
from mail_proxy.store.values.messages import RecipientRow


@dataclass(frozen=True, slots=True)
class PendingRecipient:
    position: int
    address: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message under our lease, with its unsettled recipients in RCPT order.

    content: None: not brought with the claim, to be read by `Store.content` when it is begun.
    lapses: begun attempts that took their daemon down.
    """

    tenant_id: str
    pk: int
    id: str
    account_id: str
    priority: int
    tries: int
    created_at: float
    queued_at: float  # since when its age counts: arrival, its schedule, or a retry by hand
    expires_at: float | None
    rfc_message_id: str
    return_path: str
    recipients: tuple[PendingRecipient, ...]
    content: bytes | None
    lease_token: int
    due_at: float
    settled: tuple[RecipientRow, ...] = ()  # recipients that earlier attempts settled
    batch_code: str | None = None
    lapses: int = 0
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message that ended because it may not wait for a limit."""

    tenant_id: str
    pk: int
    id: str
    account_id: str
    tries: int
    rejected_at: float
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """Messages in the order of MAIL FROM; `next_due_at` is when the account is worth asking again.

    next_due_at: None when nothing waits in that account.
    limited: the limit that kept due messages back; None when nothing did.
    urgent_waits: it keeps back a message of priority 0.
    rejected: ended instead, because the account's limits reject; there may be more of them.
    lower: pks of those that are not due by strict order, but by the slots of lower priorities.
    """

    messages: tuple[Claimed, ...]
    next_due_at: float | None
    limited: Reached | None = None
    urgent_waits: bool = False
    rejected: tuple[Rejected, ...] = ()
    lower: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class RecipientResult:
    position: int
    state: RecipientState
    reply: Reply | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: `event` is ACCEPT, FAIL, DEFER, RELEASE, LAPSE, PARK, DOUBT or RESEND.

    due_at: for DEFER and RESEND the next try; for the others ignored.
    error: for PARK the reason too.
    spends_try: RELEASE and LAPSE never do.
    lapsed: the attempt had begun and ended with its daemon's death.
    dot_sent: the final dot left, whatever was answered, so it counts against the limits.
    """

    tenant_id: str
    pk: int
    lease_token: int
    event: Event
    recipients: tuple[RecipientResult, ...] = ()
    events: tuple[NewEvent, ...] = ()
    due_at: float | None = None
    error: str | None = None
    error_code: int | None = None
    spends_try: bool = True
    lapsed: bool = False
    dot_sent: bool = False


@dataclass(frozen=True, slots=True)
class ReadyAccount:
    """An account with waiting messages, and when the first of them is due."""

    tenant_id: str
    account_id: str
    next_due_at: float
