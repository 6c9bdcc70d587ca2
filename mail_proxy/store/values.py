"""What the store takes and gives: frozen values. Times are seconds since the epoch, UTC.

It is long because there are many of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from mail_proxy.domain.filters import Filter
from mail_proxy.domain.limits import Reached
from mail_proxy.domain.reply import Reply
from mail_proxy.domain.state import Event, RecipientState, State

T = TypeVar("T")
At = TypeVar("At")
Position: TypeAlias = tuple[str, int, int]  # tenant_id, priority, pk of the last row seen
Fields = Mapping[str, Any]  # column name -> value; JSON columns as Python values
NO_LIMITS: Mapping[str, int] = MappingProxyType({})  # tenant -> messages that may wait


# --- tenants and accounts ---


@dataclass(frozen=True, slots=True)
class Tenant:
    """One row of `tenants`, secrets decrypted; `client_auth` never leaves the process unmasked."""

    tenant_id: str
    name: str | None = None
    client_base_url: str | None = None
    client_sync_path: str | None = None
    client_attachment_path: str | None = None
    client_auth: dict[str, Any] | None = field(default=None, repr=False)
    # Newest first, each {secret, created_at, expires_at}; `put_tenant` leaves those that are there.
    webhook_secrets: list[dict[str, Any]] | None = field(default=None, repr=False)
    url_set_by_admin: bool = True
    rate_limits: dict[str, Any] | None = None
    large_file_config: dict[str, Any] | None = None
    storage_auth: dict[str, Any] | None = field(default=None, repr=False)
    report_style: str | None = None
    active: bool = True
    max_queued: int | None = None  # messages that may wait; 0: no limit, None: the instance's
    max_requests_per_minute: int | None = None  # the same
    attachment_folders: list[str] | None = None  # absolute; files of these may be attached too
    secret_unreadable: bool = False  # sealed with a key that is lost: they are None
    created_at: float = 0.0
    updated_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Account:
    """One row of `accounts`, passwords decrypted."""

    tenant_id: str
    account_id: str
    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    auth_method: str = "password"  # or oauth2
    oauth2: dict[str, Any] | None = field(default=None, repr=False)
    tls_mode: str = "auto"
    use_tls: bool | None = None
    ttl: int = 300
    batch_size: int | None = None
    limit_per_minute: int | None = None
    limit_per_hour: int | None = None
    limit_per_day: int | None = None
    limit_behavior: str = "defer"
    is_default: bool = False
    is_pec_account: bool = False
    imap_host: str | None = None
    imap_port: int | None = None
    imap_user: str | None = None
    imap_password: str | None = field(default=None, repr=False)
    imap_folder: str | None = None
    imap_ssl: bool | None = None
    in_doubt: str = "resend"
    max_connections: int | None = None
    max_retries: int | None = None
    retry_delays: tuple[float, ...] | None = None
    max_age: float | None = None  # seconds
    host_set_by_admin: bool = True
    paused_until: float | None = None
    paused_reason: str | None = None
    failures: int = 0
    stopped_at: float | None = None  # by a person
    stopped_reason: str | None = None
    capabilities: dict[str, Any] | None = None
    secret_unreadable: bool = False  # sealed with a key that is lost: the passwords are None
    created_at: float = 0.0
    updated_at: float = 0.0


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A tenant's token; only its SHA-256 is stored."""

    tenant_id: str
    key_id: str
    token_sha256: str
    prefix: str
    created_at: float
    expires_at: float | None = None
    name: str | None = None  # for people
    last_used_at: float | None = None  # some minutes late; empty: never


# --- accepting ---


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A checked message, ready to be stored.

    content: the JSON that `compose/` reads. spool: the file with what it leaves out.
    spooled_bytes: of that file, as far as it is this message's.
    attachment_auth: JSON of {place of the attachment: its own credentials}, in clear.
    """

    tenant_id: str
    id: str
    account_id: str
    priority: int
    due_at: float
    deferred_ts: int | None
    batch_code: str | None
    sender: str
    subject: str
    return_path: str
    rfc_message_id: str
    recipients: tuple[str, ...]
    content: bytes
    created_at: float
    expires_at: float | None = None
    # (position, why) of recipients that are refused at once; never all of them.
    suppressed: tuple[tuple[int, str], ...] = ()
    request_id: str | None = None
    spool: str | None = None
    spooled_bytes: int = 0
    attachment_auth: str | None = field(default=None, repr=False)

    @property
    def size_bytes(self) -> int:
        return len(self.content) + self.spooled_bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    """`reason` empty: stored under `pk` (`replaced`: it took the place of a waiting one).

    Else nothing was stored, and `reason` is `already sent`, `account not found for tenant` or
    `queue full`.
    """

    pk: int
    replaced: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """The first answer to a post with an `Idempotency-Key`.

    tenant_id: whose key it is; empty for the admin's. response: JSON.
    """

    tenant_id: str
    key: str
    body_sha256: str
    response: str
    created_at: float


# What is kept for these verdicts, None for nothing. Called inside the transaction that stores the
# messages, in the writer's thread, more than once where that has to be begun again.
Keep = Callable[[Sequence[Accepted]], KeptAnswer | None]
KeepCopies = Callable[[Sequence["Acted"]], KeptAnswer | None]  # the same for all copies so far


# --- delivering ---


@dataclass(frozen=True, slots=True)
class PendingRecipient:
    position: int
    address: str


@dataclass(frozen=True, slots=True)
class RecipientRow:
    position: int
    address: str
    state: RecipientState
    reply_code: int | None
    reply: str | None


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
class Daemon:
    """A process that serves the instance. boot_id: of the machine's run; empty where not known."""

    daemon_id: str
    boot_id: str
    host: str
    started_at: float


@dataclass(frozen=True, slots=True)
class Peer:
    """Another daemon that holds leases; `renewals` grows while it lives."""

    daemon_id: str
    renewals: int


@dataclass(frozen=True, slots=True)
class Lease:
    """A message that is leased, without its content, and to whom."""

    daemon_id: str
    message: Claimed


@dataclass(frozen=True, slots=True)
class RecipientResult:
    position: int
    state: RecipientState
    reply: Reply | None


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event written with the change that it tells; `data` are its fields in a report.

    The store adds the `request_id` of the message.
    """

    event_type: str
    event_ts: float
    description: str
    data: dict[str, Any]
    reportable: bool


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


# --- looking ---


@dataclass(frozen=True, slots=True)
class EventRow:
    """report_state: none, pending, reported, parked or dropped (there was nobody to report to).

    reported_ts: since when it is in one of the last three.
    """

    pk: int
    tenant_id: str
    message_pk: int
    message_id: str
    account_id: str
    priority: int
    event_type: str
    event_ts: float
    description: str | None
    data: dict[str, Any]
    report_state: str
    reported_ts: float | None
    report_tries: int
    replayed_at: float | None = None

    @property
    def reported(self) -> dict[str, Any]:
        """What a report has of `data`; how the attempt went is for the timeline alone."""
        return {key: value for key, value in self.data.items() if key != "attempt"}

    @property
    def is_to_be_told(self) -> bool:
        return self.report_state != "none"

    @property
    def acknowledged_at(self) -> float | None:
        """When its application took it."""
        return self.reported_ts if self.report_state == "reported" else None

    @property
    def parked_at(self) -> float | None:
        return self.reported_ts if self.report_state == "parked" else None


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


@dataclass(frozen=True, slots=True)
class Key:
    """A message as a walk through many sees it."""

    id: str
    pk: int
    size_bytes: int


class AccountPause(NamedTuple):
    """An account that is not used now. paused_until: of a limit or a fault; stopped_at: of a
    person's pause. auth_method: `password` or `oauth2`."""

    tenant_id: str
    account_id: str
    paused_until: float | None
    paused_reason: str | None
    stopped_at: float | None
    stopped_reason: str | None
    auth_method: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The queue of a tenant, or of all.

    totals: (state, priority, n), where there are some. deferred: of the waiting ones those that
    are not due, by priority; is_deferred_bounded: there are more than were counted.
    oldest_waiting_at: created_at of the oldest due one. next_due_at: when the next becomes due.
    """

    totals: list[tuple[State, int, int]]
    deferred: dict[int, int]
    is_deferred_bounded: bool
    oldest_waiting_at: float | None
    next_due_at: float | None
    paused: list[AccountPause]


@dataclass(frozen=True, slots=True)
class AccountUse:
    """claimed: messages that are on their way. sent: window in seconds -> booked in it; only where
    there is a limit."""

    claimed: int
    sent: dict[int, int]


@dataclass(frozen=True, slots=True)
class SyncState:
    tenant_id: str
    last_sync_ts: float | None = None
    next_sync_after: float | None = None
    retry_at: float | None = None
    failures: int = 0
    last_error: str | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class ReportCounts:
    """Events of a tenant that wait for their report, and those that are parked."""

    pending: int = 0
    parked: int = 0


@dataclass(frozen=True, slots=True)
class ReadyAccount:
    """An account with waiting messages, and when the first of them is due."""

    tenant_id: str
    account_id: str
    next_due_at: float
