"""Every line an operator reads: one function per event.

INFO tells a message's story, a line per step; WARNING asks for a person; ERROR is a fault of ours
or of the machine. No secrets and no bodies. A field whose name ends in `_at` is a time.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from typing import Any, Protocol

from mail_proxy.observe.bound import request_id as bound_request_id
from mail_proxy.observe.lines import LOGGER, EventRecord

_log = logging.getLogger(LOGGER)
_log.addHandler(logging.NullHandler())  # inside another program we are silent until it asks


class _Message(Protocol):
    """What tells one message from all others: `store.Claimed` has it, and `store.MessageRow`."""

    @property
    def tenant_id(self) -> str: ...
    @property
    def account_id(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def pk(self) -> int: ...
    @property
    def request_id(self) -> str | None: ...


REQUESTS_IN_LINE = 12  # of 64 characters at most: a longer text would be cut


def _tell(level: int, event: str, /, error: BaseException | None = None, **fields: Any) -> None:
    """Write one line; `error` is a bug whose traceback goes with it."""
    # Made by hand: Logger.log would walk the stack for a file name that no line shows.
    if _log.isEnabledFor(level):
        if "request_id" not in fields and (request_id := bound_request_id()):
            fields["request_id"] = request_id
        _log.handle(EventRecord(level, event, fields, error))


def _tell_of(level: int, event: str, message: _Message, /, **fields: Any) -> None:
    if _log.isEnabledFor(level):
        _tell(
            level,
            event,
            tenant=message.tenant_id,
            account=message.account_id,
            id=message.id,
            pk=message.pk,
            request_id=message.request_id,
            **fields,
        )


# --- the daemon ---


def daemon_started(*, name: str, url: str, pid: int, version: str, database: str) -> None:
    _tell(
        logging.INFO,
        "daemon_started",
        name=name,
        url=url,
        pid=pid,
        version=version,
        database=database,
        python=".".join(map(str, sys.version_info[:3])),
    )


def daemon_stopping(*, reason: str, grace_s: float) -> None:
    _tell(logging.INFO, "daemon_stopping", reason=reason, grace_s=grace_s)


def draining(n: int) -> None:
    """No new claims; `n` connections end what they have begun."""
    _tell(logging.INFO, "draining", connections=n)


def daemon_stopped(*, seconds: float) -> None:
    _tell(logging.INFO, "daemon_stopped", seconds=seconds)


def daemon_failed(*, code: str, why: str, hint: str | None) -> None:
    """The daemon could not start, or not go on."""
    _tell(logging.ERROR, "daemon_failed", code=code, why=why, hint=hint or "")


def setting_ignored(why: str) -> None:
    """Something was set from outside and changes nothing."""
    _tell(logging.WARNING, "setting_ignored", why=why)


def starts_suspended() -> None:
    """GMP_SCHEDULER_ACTIVE=false: mail is taken and not sent until a person activates it."""
    _tell(
        logging.WARNING,
        "starts_suspended",
        why="GMP_SCHEDULER_ACTIVE is false: NOTHING IS SENT until the scheduler is activated",
    )


def task_broke(where: str, error: BaseException) -> None:
    """A bug: an exception that nobody expected ended one task's work; the others go on."""
    _tell(logging.ERROR, "task_broke", error, where=where, why=error)


def store_trouble(*, where: str, error: BaseException) -> None:
    """The database failed; the work is repeated soon."""
    _tell(logging.ERROR, "store_trouble", where=where, why=error)


def clock_set_back(*, seconds: float) -> None:
    """Somebody has set the wall clock back; what waits for its next try is dated anew."""
    _tell(logging.WARNING, "clock_set_back", seconds=round(seconds, 1))


def secrets_unusable(problem: str) -> None:
    """The key is lost or wrong: nothing is sent with an account that has a password."""
    _tell(logging.WARNING, "secrets_unusable", why=problem)


def attachment_host_paused(*, tenant: str, host: str, timeouts: int, pause_s: float) -> None:
    """A file server does not answer: what asks for its files waits, without asking it."""
    _tell(
        logging.WARNING,
        "attachment_host_paused",
        tenant=tenant,
        host=host,
        timeouts=timeouts,
        pause_s=pause_s,
    )


def cache_unusable(*, folder: str, error: BaseException) -> None:
    """The attachment cache cannot use its folder: what it would keep is fetched each time."""
    _tell(logging.WARNING, "cache_unusable", folder=folder, why=error)


def folder_not_removed(*, folder: str, error: BaseException) -> None:
    """A tenant is deleted, and files that were put there for it are left to a person."""
    _tell(logging.WARNING, "folder_not_removed", folder=folder, why=error)


def key_rotated(*, values: int) -> None:
    """A replacement of the encryption key that was cut off is done."""
    _tell(logging.INFO, "key_rotated", values=values)


def scheduler_changed(*, is_active: bool, by: str) -> None:
    level = logging.INFO if is_active else logging.WARNING
    _tell(level, "scheduler_changed", active=is_active, by=by)


def run_now(tenant_id: str | None) -> None:
    _tell(logging.INFO, "run_now", tenant=tenant_id)


def lease_recovered(*, n: int, sent: int, failed: int, in_doubt: int, parked: int) -> None:
    """`n` messages were leased to a daemon that is dead; those not named are back in the queue."""
    level = logging.WARNING if in_doubt or parked else logging.INFO
    _tell(
        level,
        "lease_recovered",
        n=n,
        sent=sent,
        failed=failed,
        in_doubt=in_doubt,
        parked=parked,
    )


# --- commands ---


def command_refused(*, command: str, caller: str, code: str, why: str) -> None:
    _tell(logging.INFO, "command_refused", command=command, caller=caller, code=code, why=why)


def too_many_requests(*, limit: str, who: str, why: str) -> None:
    """Requests are refused with 429: of a tenant, or from an address with many wrong tokens."""
    _tell(logging.WARNING, "too_many_requests", limit=limit, who=who, why=why)


def command_broke(*, command: str, caller: str, error: BaseException) -> None:
    """A bug: the caller got a 500."""
    _tell(logging.ERROR, "command_broke", error, command=command, caller=caller, why=error)


def messages_accepted(*, tenant_id: str, n: int, rejected: int) -> None:
    _tell(logging.INFO, "messages_accepted", tenant=tenant_id, n=n, rejected=rejected)


def cleaned_up(*, messages: int, commands: int) -> None:
    """Old messages, and lines of the command log, are gone."""
    _tell(logging.INFO, "cleaned_up", messages=messages, commands=commands)


def spool_swept(*, files: int) -> None:
    """Files of posts that were never acknowledged are gone: a crash had left them."""
    _tell(logging.INFO, "spool_swept", files=files)


def messages_changed(*, tenant_id: str, what: str, n: int, by: str) -> None:
    """A person has done that; what: held, freed, retried, resent, settled, deleted."""
    _tell(logging.INFO, "messages_changed", tenant=tenant_id, what=what, n=n, by=by)


# --- messages ---


def message_sent(message: _Message, *, reply: str, tries: int, seconds: float) -> None:
    _tell_of(logging.INFO, "message_sent", message, tries=tries, seconds=seconds, reply=reply)


def message_deferred(message: _Message, *, why: str, tries: int, due_at: float) -> None:
    _tell_of(logging.INFO, "message_deferred", message, tries=tries, due_at=due_at, why=why)


def message_failed(message: _Message, *, why: str, tries: int) -> None:
    _tell_of(logging.INFO, "message_failed", message, tries=tries, why=why)


def mail_in_doubt(message: _Message, *, why: str, policy: str) -> None:
    """The final dot was sent and no reply read; `policy` is what happens next."""
    level = logging.WARNING if policy == "hold" else logging.INFO
    _tell_of(level, "mail_in_doubt", message, policy=policy, why=why)


def message_parked(message: _Message, *, why: str) -> None:
    _tell_of(logging.WARNING, "message_parked", message, why=why)


def attempt_broke(message: _Message, error: BaseException) -> None:
    """A bug: this attempt counts as put off."""
    if _log.isEnabledFor(logging.ERROR):
        _tell(
            logging.ERROR,
            "attempt_broke",
            error,
            tenant=message.tenant_id,
            account=message.account_id,
            id=message.id,
            pk=message.pk,
            request_id=message.request_id,
            why=error,
        )


def lease_lost(*, n: int) -> None:
    """Results came for messages that were no longer ours."""
    _tell(logging.WARNING, "lease_lost", n=n)


# --- the attempt journal and leases ---


def peer_dead(*, daemon_id: str) -> None:
    """Another daemon let its leases lapse; what it held is taken over."""
    _tell(logging.WARNING, "peer_dead", daemon=daemon_id)


def journal_trouble(*, folder: str, error: BaseException) -> None:
    """Nothing is sent until it can be written again: a crash would send mail twice. Told once."""
    _tell(logging.ERROR, "journal_trouble", folder=folder, why=error)


def journal_restored() -> None:
    _tell(logging.INFO, "journal_restored")


def journal_left(*, path: str, error: BaseException) -> None:
    """A segment without use could not be removed."""
    _tell(logging.WARNING, "journal_left", path=path, why=error)


def journal_unreadable(*, path: str, why: str) -> None:
    """What a dead daemon had begun is not known for sure: it is in doubt."""
    _tell(logging.WARNING, "journal_unreadable", path=path, why=why)


# --- accounts ---


def account_paused(tenant_id: str, account_id: str, *, why: str, pause_s: float) -> None:
    """A fault of the account: its messages wait and lose no try."""
    _tell(
        logging.WARNING,
        "account_paused",
        tenant=tenant_id,
        account=account_id,
        pause_s=round(pause_s, 1),
        why=why,
    )


def account_stopped(tenant_id: str, account_id: str, *, why: str, by: str) -> None:
    """A person has paused it."""
    _tell(logging.INFO, "account_stopped", tenant=tenant_id, account=account_id, why=why, by=by)


def account_resumed(tenant_id: str, account_id: str) -> None:
    _tell(logging.INFO, "account_resumed", tenant=tenant_id, account=account_id)


def limit_reached(tenant_id: str, account_id: str, *, why: str, pause_s: float) -> None:
    """A rate limit: the account's messages wait until something may leave again."""
    _tell(
        logging.INFO,
        "limit_reached",
        tenant=tenant_id,
        account=account_id,
        pause_s=round(pause_s, 1),
        why=why,
    )


def account_unusable(tenant_id: str, account_id: str, *, is_there: bool) -> None:
    """Messages wait for an account that is deleted, or whose password cannot be read."""
    why = "its secrets cannot be read" if is_there else "there is no such account"
    _tell(logging.WARNING, "account_unusable", tenant=tenant_id, account=account_id, why=why)


# --- large files ---


def large_attachment(*, tenant_id: str, size_bytes: int, limit_bytes: int) -> None:
    """It is over the tenant's size, and is sent all the same."""
    _tell(
        logging.WARNING,
        "large_attachment",
        tenant=tenant_id,
        size_bytes=size_bytes,
        limit_bytes=limit_bytes,
    )


def file_not_stored(*, tenant_id: str, pk: int | None, where: str, why: str) -> None:
    """A large attachment could not be put there; its message is tried again."""
    _tell(logging.WARNING, "file_not_stored", tenant=tenant_id, pk=pk, where=where, why=why)


def files_removed(n: int) -> None:
    """Stored files whose links are over, or that no mail has a link to."""
    _tell(logging.INFO, "files_removed", n=n)


def files_not_removed(*, tenant_id: str, n: int, where: str, why: object) -> None:
    """Stored files are to go and cannot be removed now; they are tried again in an hour."""
    _tell(logging.WARNING, "files_not_removed", tenant=tenant_id, n=n, where=where, why=why)


# --- reports to the application ---


def reports_sent(*, tenant_id: str, n: int, seconds: float) -> None:
    """`n` events were acknowledged; 0 is a heartbeat and no news."""
    level = logging.INFO if n else logging.DEBUG
    _tell(level, "reports_sent", tenant=tenant_id, n=n, seconds=seconds)


def requests_reported(*, tenant_id: str, request_ids: Iterable[str]) -> None:
    """What these requests have brought was told, as far as it has happened; some in each line."""
    if _log.isEnabledFor(logging.INFO):
        ids = list(request_ids)
        for start in range(0, len(ids), REQUESTS_IN_LINE):
            told = ",".join(ids[start : start + REQUESTS_IN_LINE])
            _tell(logging.INFO, "requests_reported", tenant=tenant_id, request_ids=told)


def reports_refused(*, tenant_id: str, n: int, why: str, retry_at: float) -> None:
    """The application did not take them; they come again."""
    _tell(logging.WARNING, "reports_refused", tenant=tenant_id, n=n, retry_at=retry_at, why=why)


def reports_parked(*, tenant_id: str, n: int, why: str) -> None:
    """Given up, kept, and listed for a person."""
    _tell(logging.WARNING, "reports_parked", tenant=tenant_id, n=n, why=why)


def reports_replayed(*, tenant_id: str, n: int, by: str) -> None:
    """A person asked for them once more."""
    _tell(logging.INFO, "reports_replayed", tenant=tenant_id, n=n, by=by)


def reports_paused(*, tenant_id: str, why: str) -> None:
    """The application said 410: nothing more is reported until a person resumes it."""
    _tell(logging.WARNING, "reports_paused", tenant=tenant_id, why=why)


def result_lost(message: _Message, error: BaseException) -> None:
    """A bug: the result cannot be written; the lease is recovered at the next start."""
    _tell_of(logging.ERROR, "result_lost", message, error=error, why=error)
