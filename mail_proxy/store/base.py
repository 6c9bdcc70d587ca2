"""The Store protocol: every verb is a whole operation, takes batches and takes `now`.

Values are frozen; times are seconds since the epoch. No verb keeps a transaction open while the
world is waited for. Errors: `StoreUnavailable`, `StoreFull`, `ForeignDatabase` (domain/errors.py);
an absent row is a value, never an error.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from mail_proxy.domain.reply import Reply
from mail_proxy.domain.state import Event, RecipientState, State

Fields = Mapping[str, Any]  # column name -> value; JSON columns as Python values


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
    url_set_by_admin: bool = True
    rate_limits: dict[str, Any] | None = None
    large_file_config: dict[str, Any] | None = None
    report_style: str | None = None
    active: bool = True
    secret_unreadable: bool = False  # sealed with a key that is lost: `client_auth` is None
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
    host_set_by_admin: bool = True
    paused_until: float | None = None
    paused_reason: str | None = None
    failures: int = 0
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


# --- accepting ---


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A checked message, ready to be stored. `content` is the JSON that `compose/` reads."""

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


@dataclass(frozen=True, slots=True)
class Accepted:
    """`reason` empty: stored under `pk` (`replaced`: it took the place of a waiting one).

    Else nothing was stored, and `reason` is `already sent` or `account not found for tenant`.
    """

    pk: int
    replaced: bool = False
    reason: str = ""


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
    """A message under our lease, with its unsettled recipients in RCPT order."""

    tenant_id: str
    pk: int
    id: str
    account_id: str
    priority: int
    tries: int
    created_at: float
    expires_at: float | None
    rfc_message_id: str
    return_path: str
    recipients: tuple[PendingRecipient, ...]
    content: bytes
    lease_token: int
    due_at: float
    settled: tuple[RecipientRow, ...] = ()  # recipients that earlier attempts settled
    batch_code: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """Messages in the order of MAIL FROM; `next_due_at` is when the account is worth asking again.

    None: nothing waits in that account.
    """

    messages: tuple[Claimed, ...]
    next_due_at: float | None


@dataclass(frozen=True, slots=True)
class RecipientResult:
    position: int
    state: RecipientState
    reply: Reply | None


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event written with the change that it tells; `data` are its fields in a report."""

    event_type: str
    event_ts: float
    description: str
    data: dict[str, Any]
    reportable: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: `event` is ACCEPT, FAIL, DEFER, RELEASE, DOUBT or RESEND.

    due_at: for DEFER and RESEND the next try; for the others ignored.
    spends_try: RELEASE never does.
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


# --- looking ---


@dataclass(frozen=True, slots=True)
class EventRow:
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
    recipients: tuple[RecipientRow, ...] = ()
    content: bytes | None = None
    events: tuple[EventRow, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """What a listing asks for; empty means all. `tenant_id` None is for the admin only."""

    tenant_id: str | None = None
    states: tuple[State, ...] = ()
    account_id: str | None = None
    batch_code: str | None = None
    to: str | None = None  # a part of a recipient's address
    subject: str | None = None  # a part of the subject
    since_ts: float | None = None  # created at or after
    until_ts: float | None = None  # created before


@dataclass(frozen=True, slots=True)
class Count:
    tenant_id: str
    account_id: str
    state: State
    priority: int
    n: int


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
class ReadyAccount:
    """An account with waiting messages, and when the first of them is due."""

    tenant_id: str
    account_id: str
    next_due_at: float


class Store(Protocol):
    """`MailProxyDb` on SQLite, later on PostgreSQL. One contract suite proves them all."""

    async def close(self) -> None: ...

    # instance settings; JSON values; `secret` ones are encrypted at rest
    async def get_setting(self, name: str) -> Any: ...
    async def set_setting(self, name: str, value: Any, *, secret: bool = False) -> None: ...
    async def settings(self) -> dict[str, Any]: ...

    # tenants, keys, accounts. `put_*` inserts or replaces; `change_*` sets the given fields only.
    async def put_tenant(self, tenant: Tenant, *, now: float) -> bool:
        """True when the tenant is new; `created_at` of an old one is kept."""
        ...

    async def change_tenant(self, tenant_id: str, fields: Fields, *, now: float) -> bool: ...
    async def delete_tenant(self, tenant_id: str) -> bool:
        """With its accounts, messages, events, keys and all else; in chunks, the tenant last."""
        ...

    async def get_tenant(self, tenant_id: str) -> Tenant | None: ...
    async def list_tenants(self, *, active_only: bool = False) -> list[Tenant]: ...

    async def put_key(self, key: ApiKey, *, replace_all: bool) -> None: ...
    async def delete_keys(self, tenant_id: str) -> int: ...
    async def list_keys(self, tenant_id: str) -> list[ApiKey]: ...
    async def find_key(self, token_sha256: str) -> ApiKey | None: ...

    async def put_account(self, account: Account, *, now: float) -> bool: ...
    async def change_account(
        self, tenant_id: str, account_id: str, fields: Fields, *, now: float
    ) -> bool: ...
    async def delete_account(self, tenant_id: str, account_id: str) -> bool: ...
    async def get_account(self, tenant_id: str, account_id: str) -> Account | None: ...
    async def list_accounts(self, tenant_id: str | None) -> list[Account]: ...

    # the hot verbs
    async def accept(self, batch: Sequence[NewMessage], *, now: float) -> list[Accepted]:
        """Store a batch, synced when this returns; one Accepted for each, in order.

        The same id twice in one batch: the last wins, the earlier ones report the same pk.
        A message of a suspended tenant or batch is stored SUSPENDED.
        """
        ...

    async def claim(
        self, tenant_id: str, account_id: str, *, limit: int, now: float, daemon: str
    ) -> Claim:
        """Lease up to `limit` due messages, by priority, then due_at, then arrival."""
        ...

    async def finish(self, outcomes: Sequence[Outcome], *, now: float) -> set[int]:
        """Write results of rows still under our lease; the pks that were ours."""
        ...

    async def recover(self, *, now: float) -> int:
        """WAITING again for every lease of a daemon that is known dead; how many."""
        ...

    async def ready_accounts(self) -> list[ReadyAccount]:
        """Every account with WAITING messages; a few index probes for each account."""
        ...

    # messages
    def list_messages(
        self,
        chosen: MessageFilter,
        *,
        limit: int | None = None,
        after: tuple[str, int, int] | None = None,
        with_content: bool = False,
        with_events: bool = False,
    ) -> AsyncIterator[MessageRow]:
        """By tenant, priority, pk, in short reads of a page each.

        after: (tenant_id, priority, pk) of the last row seen.
        """
        ...

    async def find_messages(
        self, tenant_id: str | None, ids: Sequence[str], *, full: bool = False
    ) -> list[MessageRow]:
        """Messages with one of these caller's ids; `full` adds content and events."""
        ...

    async def get_by_pk(self, pk: int, *, full: bool = False) -> MessageRow | None: ...
    async def message_events(self, tenant_id: str, pk: int) -> list[EventRow]: ...

    async def delete_messages(self, tenant_id: str, ids: Sequence[str]) -> set[str]:
        """The ids that were removed: not LEASED ones, not absent ones."""
        ...

    async def retry_messages(self, tenant_id: str, ids: Sequence[str], *, now: float) -> set[str]:
        """RETRY: WAITING, due now, tries anew, refused recipients of a FAILED one pending again."""
        ...

    async def cleanup_messages(
        self, tenant_id: str | None, *, before: float, limit: int = 1000
    ) -> int:
        """Remove up to `limit` finished messages older than `before`, all events settled."""
        ...

    # suspension
    async def suspend(self, tenant_id: str, batch_code: str | None, *, now: float) -> None: ...
    async def activate(self, tenant_id: str, batch_code: str | None, *, now: float) -> bool:
        """False: one batch cannot be activated while the whole tenant is suspended."""
        ...

    async def suspended_batches(self, tenant_id: str) -> list[str]:
        """Sorted codes; `["*"]` for the whole tenant."""
        ...

    # numbers
    async def counts(self, tenant_id: str | None = None) -> list[Count]: ...
    async def count_open(self, tenant_id: str, batch_code: str | None = None) -> int: ...
    async def oldest_waiting(self, tenant_id: str | None = None) -> float | None:
        """created_at of the oldest due WAITING message, or None."""
        ...

    # reports
    async def unreported(self, tenant_id: str, *, limit: int) -> list[EventRow]:
        """Oldest first."""
        ...

    async def tenants_with_reports(self) -> list[str]: ...
    async def mark_reported(
        self, tenant_id: str, pks: Sequence[int], *, now: float, state: str = "reported"
    ) -> None: ...
    async def count_report_try(self, tenant_id: str, pks: Sequence[int]) -> None: ...
    async def get_sync_state(self, tenant_id: str) -> SyncState: ...
    async def put_sync_state(self, state: SyncState) -> None: ...

    # audit
    async def log_command(
        self,
        *,
        tenant_id: str,
        command_ts: float,
        endpoint: str,
        caller: str,
        payload: dict[str, Any],
        response_status: int,
    ) -> None: ...
