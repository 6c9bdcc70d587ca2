"""What the dashboard asks for, and the values that it gets.

Texts are as they came: ids, subjects, addresses and replies are foreign, and `safe_text` stands
between them and a screen. Times ending in `_at` are seconds since the epoch by the daemon's clock;
`Numbers.now` is that clock, so ages never depend on the clock of the terminal. None always means
"not known", never "none". It is long because there are many values.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from mail_proxy.domain.filters import Order as Order  # a part of the contract
from mail_proxy.domain.state import State

PAGE = 200  # rows at most in one page


@dataclass(frozen=True, slots=True)
class Cells:
    """Messages of one priority, or of all, by what is shown of them.

    deferred: waiting and not due; None where the daemon counts them with `ready`.
    """

    ready: int = 0
    deferred: int | None = None
    sending: int = 0
    suspended: int = 0
    held: int = 0
    in_doubt: int = 0
    failed: int = 0
    sent: int = 0
    bounced: int = 0

    @property
    def queued(self) -> int:
        """What is not finished."""
        waiting = self.ready + (self.deferred or 0) + self.suspended
        return waiting + self.sending + self.held + self.in_doubt


@dataclass(frozen=True, slots=True)
class Totals:
    """Counters since the daemon started: they only grow, save at a restart."""

    sent: int = 0
    deferred: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Numbers:
    """The queue in numbers, of one tenant or of all; at most a second old.

    now: of the daemon. by_priority: 0 to 3. tenants, accounts: how many there are.
    is_active: the scheduler sends. next_retry_s: until the next deferred message is due.
    totals: None without a daemon. p50_s, p95_s: of an SMTP transaction. lag_s: how late what is
    due is taken. db_ms: of a read. problem: why secrets cannot be read.
    """

    now: float
    by_priority: Mapping[int, Cells]
    all: Cells
    tenants: int = 0
    accounts: int = 0
    is_active: bool = True
    uptime_s: float | None = None
    oldest_s: float | None = None
    next_retry_s: float | None = None
    totals: Totals | None = None
    p50_s: float | None = None
    p95_s: float | None = None
    workers_busy: int | None = None
    workers_all: int | None = None
    db_ms: float | None = None
    lag_s: float | None = None
    db_bytes: int | None = None
    rss_bytes: int | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Daemon:
    """Whom the feed reads from. address: of its HTTP port, such as 127.0.0.1:8000."""

    name: str
    version: str | None = None
    address: str | None = None
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class MessageKey:
    """One message. `pk` is its own among all tenants; rows are kept by it.

    Without a pk it is known by the other two, as events tell of it.
    """

    pk: str
    id: str
    tenant_id: str


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message in a list.

    status: the wire's word: pending, deferred, held, in_doubt, sent, error, bounced.
    to: the first recipient; more_recipients: how many besides. most_tries: None: not known.
    next_at: not before this time; None where it is due, or finished.
    why: the cause of where it is, else its last error; empty where the status says it all.
    cause: that cause in a word, of `domain.why.Cause`; empty where nobody tells. do: the command to
    go on with.
    """

    key: MessageKey
    account_id: str
    state: State
    status: str
    priority: int
    created_at: float
    to: str = ""
    more_recipients: int = 0
    subject: str = ""
    tries: int = 0
    most_tries: int | None = None
    next_at: float | None = None
    size_bytes: int | None = None
    batch_code: str | None = None
    why: str = ""
    cause: str = ""
    do: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """Which messages, in which order; the filter is read by the server."""

    filter: str = ""
    order: Order = Order.NEXT
    is_reversed: bool = False
    tenant_id: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A window of a list.

    next_cursor: where the next one begins; None on the last.
    count: how many match in all, None where nobody counted; count_is_bounded: at least so many.
    """

    rows: tuple[MessageRow, ...]
    next_cursor: str | None = None
    count: int | None = None
    count_is_bounded: bool = False


@dataclass(frozen=True, slots=True)
class Recipient:
    """state: pending, accepted, refused or bounced; reply: the one that decided it."""

    address: str
    state: str
    reply: str = ""


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One step of a message's life. seconds: how long an attempt took. next_at: of the next one."""

    at: float
    kind: str
    words: str = ""
    seconds: float | None = None
    next_at: float | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in full.

    headers: (name, value), as they are sent. body: its text, cut. attachments: their names.
    raw: the record as JSON, indented. why, do: the nearest cause in a sentence, and the command to
    go on with; until_at: when it ends by itself.
    """

    row: MessageRow
    sender: str = ""
    recipients: tuple[Recipient, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    attachments: tuple[str, ...] = ()
    timeline: tuple[TimelineEntry, ...] = ()
    raw: str = ""
    why: str = ""
    do: str | None = None
    until_at: float | None = None
    sent_at: float | None = None
    expires_at: float | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Gauge:
    """One limit of an account. window: minute, hour or day."""

    window: str
    used: int
    limit: int

    @property
    def fraction(self) -> float:
        """0 to 1."""
        return min(1.0, self.used / self.limit) if self.limit > 0 else 0.0


class AccountState(StrEnum):
    OK = "ok"
    LIMITED = "limited"  # a rate limit is reached
    BROKEN = "broken"  # its server refuses it; probes go on
    PROBING = "probing"  # the first tries after a fault
    PAUSED = "paused"  # by a person


@dataclass(frozen=True, slots=True)
class AccountRow:
    """until_at: when a pause ends by itself. reason: of the pause. gauges: of each limit that is
    set; None: not known. has_password: it logs in with one, and not with an access token."""

    tenant_id: str
    account_id: str
    host: str
    port: int
    tls_mode: str
    state: AccountState = AccountState.OK
    reason: str = ""
    until_at: float | None = None
    gauges: tuple[Gauge, ...] | None = ()
    in_flight: int | None = None
    sent_today: int | None = None
    failed_today: int | None = None
    last_error: str = ""
    last_error_at: float | None = None
    has_password: bool = True

    @property
    def key(self) -> tuple[str, str]:
        return self.tenant_id, self.account_id


class CallbackState(StrEnum):
    NONE = "none"  # no URL is set
    IDLE = "idle"  # nothing was posted yet
    OK = "ok"
    FAILING = "failing"
    PAUSED = "paused"  # after 410 Gone
    UNKNOWN = "unknown"  # nobody can tell without a daemon


@dataclass(frozen=True, slots=True)
class Callback:
    """How the tenant's reports go. failures: in a row. unreported, parked: events."""

    state: CallbackState = CallbackState.UNKNOWN
    last_ok_at: float | None = None
    retry_at: float | None = None
    failures: int = 0
    last_error: str = ""
    unreported: int = 0
    parked: int = 0


@dataclass(frozen=True, slots=True)
class TenantRow:
    """is_active: its token and its mail are served. suspended: batch codes, `*` for all.

    ready, deferred, suspended_messages: queued; the last of them are those that a suspension keeps.
    failed_24h: of what was accepted in the last 24 hours, how many have failed; counted as far as
    the daemon counts.
    """

    tenant_id: str
    name: str = ""
    is_active: bool = True
    suspended: tuple[str, ...] = ()
    ready: int | None = None
    deferred: int | None = None
    suspended_messages: int | None = None
    failed_24h: int | None = None
    callback: Callback = Callback()


# Kinds that tell how happenings come, and are none themselves.
POLLED = "polled"  # no stream, for the reason in `words`: asked for every few seconds
STREAMED = "streamed"  # as they happen


@dataclass(frozen=True, slots=True)
class Happening:
    """What happened to a message, an account or reports.

    number: grows; None of what is told about the stream itself (`dropped`, `summary`).
    n: how many it happened to. counts: of a summary, kind to number.
    """

    at: float
    kind: str
    tenant_id: str = ""
    account_id: str = ""
    message_id: str = ""
    words: str = ""
    n: int = 1
    number: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogLine:
    """level: empty in what another program wrote into the log."""

    line: str
    time: str = ""
    level: str = ""


class Verb(StrEnum):
    RETRY = "retry"
    DELETE = "delete"
    HOLD = "hold"
    FREE = "free"
    SETTLE_SENT = "settle as sent"  # what is in doubt
    SETTLE_FAILED = "settle as failed"
    SUSPEND = "suspend"
    ACTIVATE = "activate"
    PAUSE = "pause"  # an account
    RESUME = "resume"  # an account
    RUN_NOW = "run-now"


@dataclass(frozen=True, slots=True)
class Action:
    """What a person asks to be done.

    messages: these; or `filter`, all that it finds of `tenant_id`. SUSPEND and ACTIVATE: of a
    tenant, one batch of it, or all sending. PAUSE and RESUME: of `account_id`.
    """

    verb: Verb
    messages: tuple[MessageKey, ...] = ()
    filter: str | None = None
    tenant_id: str | None = None
    account_id: str | None = None
    batch_code: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """One message that nothing was done with. reason: "already sent"."""

    key: MessageKey | None
    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Done:
    """What became of an action.

    done: how many messages; 1 of anything else. refused: those that could not be, at most the
    first 1,000; refused_count: of all. is_partial: only so many were looked at, there are more.
    """

    done: int
    refused: tuple[Refused, ...] = ()
    refused_count: int = 0
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """What was added. key: its login, which is told once; it is in no repr."""

    id: str
    key: str = field(default="", repr=False)


class Feed(Protocol):
    """Where a dashboard reads from. All methods may raise MailProxyError; none blocks the loop.

    tenant_id None: of all tenants.
    """

    @property
    def can_act(self) -> bool:
        """False without a daemon: then `act` raises NotRunning, and lists come from the file."""
        ...

    @property
    def most_listed(self) -> int | None:
        """So many messages a list goes on to, whatever matches; None: to the last."""
        ...

    async def daemon(self) -> Daemon: ...

    async def numbers(self, tenant_id: str | None = None) -> Numbers: ...

    async def page(self, query: Query, cursor: str | None = None, limit: int = PAGE) -> Page:
        """Raises Invalid, with its reason, for a filter that cannot be read."""
        ...

    async def letter(self, key: MessageKey) -> Letter:
        """Raises NotFound for one that is gone."""
        ...

    async def accounts(self, tenant_id: str | None = None) -> tuple[AccountRow, ...]: ...

    async def tenants(self) -> tuple[TenantRow, ...]:
        """All of them. Their counts are None where nobody has asked for them yet."""
        ...

    async def counted(self, rows: Sequence[TenantRow]) -> tuple[TenantRow, ...]:
        """The same with their counts, some seconds old; it costs questions for each."""
        ...

    async def errors(self, tenant_id: str, account_id: str) -> tuple[MessageRow, ...]:
        """The latest 50 messages of an account whose last try was refused, newest first."""
        ...

    def happenings(
        self, tenant_id: str | None = None, after: int = 0
    ) -> AsyncGenerator[Happening, None]:
        """As they come, without an end. Raises where it breaks off.

        after: the number of the last one that is known; 0: from the last few on. POLLED and
        STREAMED come between them.
        """
        ...

    def log(self, lines: int) -> AsyncGenerator[LogLine, None]:
        """The last so many lines of the log, then each new one."""
        ...

    async def act(self, action: Action, *, is_trial: bool = False) -> Done:
        """is_trial: only count what would be done. Raises NotRunning where `can_act` is False."""
        ...

    async def add_tenant(self, fields: Mapping[str, object]) -> Made:
        """fields: of the form. Raises Invalid for a wrong one, Conflict for one that is there."""
        ...

    async def add_account(self, fields: Mapping[str, object]) -> Made: ...

    async def aclose(self) -> None: ...
