"""Why a message is where it is, in one sentence, and the command to go on with. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import assert_never

from mail_proxy.domain.actions import held_words, is_held_by_hand
from mail_proxy.domain.command_line import by_id, command_line, option
from mail_proxy.domain.limits import REJECTED, Scope, pause_kind, scope_of_pause
from mail_proxy.domain.message import WHOLE_TENANT
from mail_proxy.domain.state import State
from mail_proxy.domain.units import LATEST_TS

MOST_AHEAD = 1000  # of those that go before a message, so many are counted
_SOON_S = 600.0  # times as near as this are told with their seconds


class Cause(StrEnum):
    """The nearest cause; the words that programs read."""

    SENT = "sent"
    BOUNCED = "bounced"
    FAILED = "failed"
    HELD = "held"
    IN_DOUBT = "in_doubt"
    SENDING = "sending"  # claimed, or on the wire
    READY = "ready"  # it goes in a moment
    EXPIRED = "expired"
    NO_ACCOUNT = "no_account"
    NO_PASSWORD = "no_password"  # noqa: S105 - no password but a word for the lack of one
    NOT_RUNNING = "not_running"
    SCHEDULER_SUSPENDED = "scheduler_suspended"
    TENANT_INACTIVE = "tenant_inactive"
    TENANT_SUSPENDED = "tenant_suspended"
    BATCH_SUSPENDED = "batch_suspended"
    TEST_MODE = "test_mode"
    ACCOUNT_PAUSED = "account_paused"  # by a person
    ACCOUNT_FAILED = "account_failed"  # the breaker
    LIMITED = "limited"
    SCHEDULED = "scheduled"
    DEFERRED = "deferred"
    NO_CONNECTION = "no_connection"


# What a list need not say: the status does, or there is nothing to say.
PLAIN = frozenset({Cause.SENT, Cause.BOUNCED, Cause.SENDING, Cause.READY})


@dataclass(frozen=True, slots=True)
class Why:
    """`do`: the next command, to mend or to look; it works as it stands. until: since the epoch."""

    cause: Cause
    text: str
    do: str | None = None
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """The message. Times are seconds since the epoch.

    tries: attempts made. retries: how many may follow the first.
    is_scheduled: it was posted with a time of its own.
    """

    state: State
    id: str
    tenant_id: str
    account_id: str
    batch_code: str | None
    due_at: float
    expires_at: float | None
    is_scheduled: bool
    tries: int
    error: str | None
    held_reason: str | None


@dataclass(frozen=True, slots=True)
class AccountState:
    """retries: how many may follow the first try. is_readable: its password can be read.

    has_password: it logs in with one, and not with an access token.
    is_stopped: a person has paused it.
    """

    retries: int
    is_readable: bool = True
    has_password: bool = True
    is_stopped: bool = False
    stopped_reason: str | None = None
    paused_until: float | None = None
    paused_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """What surrounds the message. account None: it was deleted.

    is_active: the scheduler's switch. suspended: codes of the tenant's suspended batches.
    connections, most: in use now and at most, of all accounts.
    ahead: messages of its account that are due and go before it; one more than MOST_AHEAD: more.
    """

    instance: str
    now: float
    is_running: bool
    is_active: bool
    is_tenant_active: bool
    suspended: frozenset[str]
    account: AccountState | None
    test_mode: bool = False
    connections: int = 0
    most: int = 1
    ahead: int = 0


def why(it: Subject, around: Around) -> Why:
    """The nearest cause."""
    match it.state:
        case State.SENT:
            return Why(Cause.SENT, "sent: the server has taken it")
        case State.BOUNCED:
            return Why(Cause.BOUNCED, "bounced: it was sent, and came back")
        case State.FAILED:
            return Why(Cause.FAILED, _failed(it), _retry(it, around))
        case State.HELD:
            return _held(it, around)
        case State.IN_DOUBT:
            return _in_doubt(it, around)
        case State.LEASED:
            return _sending(around)
        case State.SUSPENDED:
            return _ended(it, around) or _suspended(it, around) or _moving(it, around)
        case State.WAITING:
            return (
                _ended(it, around)
                or _stopped(it, around)
                or _suspended(it, around)
                or _waiting(it, around)
            )
    assert_never(it.state)


def mend_of_pause(
    instance: str, tenant_id: str, account_id: str, reason: str | None, *, has_password: bool
) -> str:
    """The command that helps an account which a limit or a fault has paused, or tells more.

    reason: why it is paused. has_password: it logs in with one, and not with an access token.
    """
    if pause_kind(reason) == "limit":
        if scope_of_pause(reason) is Scope.TENANT:
            return command_line(instance, "tenants", "show", *by_id(tenant_id))
        return command_line(instance, tenant_id, "accounts", "show", *by_id(account_id))
    is_login = (reason or "").startswith("login refused") and has_password
    verb = "set-password" if is_login else "check"
    return command_line(instance, tenant_id, "accounts", verb, *by_id(account_id))


def resume_of(instance: str, tenant_id: str, account_id: str) -> str:
    """The command that ends a person's pause of an account."""
    return command_line(instance, tenant_id, "accounts", "resume", *by_id(account_id))


def when(at: float, now: float) -> str:
    """A time in UTC, never early: `14:32 UTC`, with seconds when it is near, else with its day."""
    if at > LATEST_TS:  # a plan of waits may lead there
        return "a time beyond the calendar"
    is_near = abs(at - now) < _SOON_S
    step = 1 if is_near else 60
    moment = datetime.fromtimestamp(min(math.ceil(at / step) * step, LATEST_TS), UTC)
    clock = moment.strftime("%H:%M:%S UTC" if is_near else "%H:%M UTC")
    is_today = moment.date() == datetime.fromtimestamp(now, UTC).date()
    return clock if is_today else f"{moment.date().isoformat()} {clock}"


# --- states that tell by themselves ---


def _failed(it: Subject) -> str:
    if it.error == REJECTED:
        return f"{REJECTED}: a limit was reached, and its account rejects what is beyond"
    return it.error or "failed"


def _held(it: Subject, around: Around) -> Why:
    if not is_held_by_hand(it.held_reason):
        return Why(Cause.HELD, f"held: {it.held_reason}", _retry(it, around))
    return Why(
        Cause.HELD,
        held_words(it.held_reason),
        _command(around, it, "messages", "free", *by_id(it.id)),
    )


def _in_doubt(it: Subject, around: Around) -> Why:
    cause = (it.error or "no reply to the final dot").removeprefix("in doubt: ")
    text = f"in doubt, whether the server has taken it: {cause}"
    text += "; settle it as sent or failed when you know, or retry it"
    do = _command(around, it, "messages", "settle", "--sent", *by_id(it.id))
    return Why(Cause.IN_DOUBT, text, do)


def _sending(around: Around) -> Why:
    if around.is_running:
        return Why(Cause.SENDING, "being sent, or next in line")
    text = "claimed by a daemon that is gone; the next one goes on with it"
    return Why(Cause.NOT_RUNNING, text, _start(around))


def _ended(it: Subject, around: Around) -> Why | None:
    if it.expires_at is None or it.expires_at > around.now:
        return None
    at = when(it.expires_at, around.now)
    return Why(Cause.EXPIRED, f"expired at {at}; it is about to fail")


# --- whole tenants and instances ---


def _stopped(it: Subject, around: Around) -> Why | None:
    if around.account is None:
        text = f"account '{it.account_id}' was deleted: it waits for one of that id"
        return Why(
            Cause.NO_ACCOUNT, text, _command(around, it, "accounts", "add", *by_id(it.account_id))
        )
    if not around.account.is_readable:
        text = f"the password of account '{it.account_id}' cannot be read: its key is lost"
        do = _command(around, it, "accounts", "set-password", *by_id(it.account_id))
        return Why(Cause.NO_PASSWORD, text, do)
    if around.account.is_stopped:
        text = f"a person has paused account '{it.account_id}'"
        if around.account.stopped_reason:
            text += f": {around.account.stopped_reason}"
        do = resume_of(around.instance, it.tenant_id, it.account_id)
        return Why(Cause.ACCOUNT_PAUSED, text, do)
    return None


def _suspended(it: Subject, around: Around) -> Why | None:
    if not around.is_active:
        do = command_line(around.instance, "activate")
        return Why(Cause.SCHEDULER_SUSPENDED, "all sending of the instance is suspended", do)
    if not around.is_tenant_active:
        do = command_line(around.instance, "tenants", "update", *by_id(it.tenant_id, "--active"))
        return Why(Cause.TENANT_INACTIVE, "its tenant is inactive", do)
    if WHOLE_TENANT in around.suspended:
        do = _command(around, it, "activate")
        return Why(Cause.TENANT_SUSPENDED, "its tenant is suspended", do)
    if it.batch_code is not None and it.batch_code in around.suspended:
        do = _command(around, it, "activate", *option("--batch", it.batch_code))
        return Why(Cause.BATCH_SUSPENDED, f"its batch '{it.batch_code}' is suspended", do)
    if not around.is_running:
        return Why(Cause.NOT_RUNNING, "its instance is not running", _start(around))
    return None


def _moving(_it: Subject, _around: Around) -> Why:
    """Still marked, but nothing is suspended: rows follow a change in small steps."""
    return Why(Cause.READY, "activated just now")


# --- accounts and times ---


def _waiting(it: Subject, around: Around) -> Why:
    account = around.account
    assert account is not None  # _stopped has told of an absent one
    paused_until = account.paused_until or 0.0
    if paused_until > max(it.due_at, around.now):
        return _paused(it, around, account, paused_until)
    if it.due_at > around.now:
        return _not_due(it, around, account)
    if around.test_mode:
        do = command_line(around.instance, "run-now")
        return Why(Cause.TEST_MODE, "test mode: nothing is sent before run-now", do)
    if around.connections >= around.most:
        text = f"waiting for a connection: all {around.most} are in use"
        return Why(Cause.NO_CONNECTION, text)
    text = f"due: it goes {_behind(around.ahead)}"
    return Why(Cause.READY, f"{text}, {_count(it, account)}" if it.tries else text)


def _behind(ahead: int) -> str:
    if not ahead:
        return "in a moment"
    if ahead > MOST_AHEAD:
        return f"after more than {MOST_AHEAD:,} others of its account"
    return f"after {ahead:,} other{'s' if ahead > 1 else ''} of its account"


def _paused(it: Subject, around: Around, account: AccountState, until: float) -> Why:
    at = when(until, around.now)
    reason = account.paused_reason
    do = mend_of_pause(
        around.instance, it.tenant_id, it.account_id, reason, has_password=account.has_password
    )
    if pause_kind(reason) == "limit":
        text = f"account '{it.account_id}': {reason}"
        return Why(Cause.LIMITED, f"{text}; frees at {at}", do, until)
    told = f"account paused: {reason}" if reason else "account paused"
    return Why(Cause.ACCOUNT_FAILED, f"{told}; next try at {at}", do, until)


def _not_due(it: Subject, around: Around, account: AccountState) -> Why:
    at = when(it.due_at, around.now)
    do = _retry(it, around)
    if not it.tries and it.is_scheduled and not it.error:
        return Why(Cause.SCHEDULED, f"scheduled for {at}", do, it.due_at)
    text = f"deferred: {_count(it, account)} at {at}"
    if it.error:
        text += f", last answer {it.error}"
    return Why(Cause.DEFERRED, text, do, it.due_at)


def _count(it: Subject, account: AccountState) -> str:
    return f"try {it.tries + 1} of {max(account.retries, it.tries) + 1}"


# --- commands ---


def _retry(it: Subject, around: Around) -> str | None:
    """None for what has expired: it is never sent later."""
    if it.expires_at is not None and it.expires_at <= around.now:
        return None
    return _command(around, it, "messages", "retry", *by_id(it.id))


def _start(around: Around) -> str:
    return command_line("start", around.instance)


def _command(around: Around, it: Subject, *words: str) -> str:
    return command_line(around.instance, it.tenant_id, *words)
