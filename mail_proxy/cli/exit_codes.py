"""What a command's exit code says; the manual and the tests read this table."""

from __future__ import annotations

from enum import IntEnum

from mail_proxy.domain.errors import MailProxyError


class ExitCode(IntEnum):
    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_RUNNING = 3
    NOT_FOUND = 4
    NOT_ALLOWED = 5
    PARTLY = 6
    CONFLICT = 7
    TIMED_OUT = 8
    INTERRUPTED = 130
    TERMINATED = 143


MEANING: dict[ExitCode, str] = {
    ExitCode.DONE: "done",
    ExitCode.FAILED: "the operation failed",
    ExitCode.USAGE: "wrong usage, or input needed but no terminal",
    ExitCode.NOT_RUNNING: "instance not running or not reachable",
    ExitCode.NOT_FOUND: "instance, tenant, account or message not found",
    ExitCode.NOT_ALLOWED: "not allowed: token refused, file rights",
    ExitCode.PARTLY: "partly done: some items failed (listed on stderr, and in JSON)",
    ExitCode.CONFLICT: "conflict: already exists, already running, locked",
    ExitCode.TIMED_OUT: "timed out while waiting",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.TERMINATED: "terminated",
}


class ServiceStatus(IntEnum):
    """Exit codes of `status`, as the Linux Standard Base has them for init scripts."""

    RUNNING = 0
    DEAD = 1  # a pid file without its process
    STOPPED = 3
    UNKNOWN = 4


# Codes of domain/errors.py; one that is not here is FAILED.
_BY_ERROR_CODE: dict[str, ExitCode] = {
    "invalid": ExitCode.USAGE,
    "rejected": ExitCode.USAGE,
    "malformed": ExitCode.USAGE,
    "not_found": ExitCode.NOT_FOUND,
    "unauthorized": ExitCode.NOT_ALLOWED,
    "forbidden": ExitCode.NOT_ALLOWED,
    "conflict": ExitCode.CONFLICT,
    "locked": ExitCode.CONFLICT,
    "not_running": ExitCode.NOT_RUNNING,
    "unavailable": ExitCode.TIMED_OUT,
    "too_many": ExitCode.TIMED_OUT,
}


def exit_code_of(error: BaseException) -> ExitCode:
    """The exit code of an error that ended a command."""
    if isinstance(error, MailProxyError):
        if isinstance(error.__cause__, PermissionError):
            return ExitCode.NOT_ALLOWED
        return _BY_ERROR_CODE.get(error.code, ExitCode.FAILED)
    if isinstance(error, PermissionError):
        return ExitCode.NOT_ALLOWED
    if isinstance(error, TimeoutError):
        return ExitCode.TIMED_OUT
    return ExitCode.FAILED
