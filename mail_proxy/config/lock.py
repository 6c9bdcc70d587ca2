"""Locks that the kernel holds and lets go when their process ends, however it ends.

`DatabaseLock`: one writing process for a database. `StateLock`: one daemon for a state folder.
The file's text names the holder for people; whether it is held is asked of the kernel alone.
Lock files are never removed: a second process could then lock a file without a name.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mail_proxy.config.processes import Process, this_process
from mail_proxy.domain.errors import ConfigurationError, Locked

# A look at the lock (`holder_of`) takes it for microseconds: one refusal proves nothing.
_LOOKS = 10
_BETWEEN_LOOKS_S = 0.005
_TEXT_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock; `process` is None where the text does not say."""

    process: Process | None
    purpose: str = ""
    since: str = ""

    def __str__(self) -> str:
        if self.process is None:
            return "another process"
        return f"pid {self.process.pid} ({self.purpose}, since {self.since})"


class KernelLock:
    """An exclusive lock on a file made for that, 0600 and never a link."""

    def __init__(self, path: Path, *, guards: str) -> None:
        self.path = path
        self._guards = guards  # what people call the thing that is locked
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """This object holds it."""
        return self._descriptor is not None

    def acquire(self, purpose: str) -> Self:
        """Take the lock, or raise Locked; never waits longer than some hundredths of a second.

        purpose: a word or two for those who are refused. Raises ConfigurationError too.
        """
        if self._descriptor is not None:
            raise Locked(f"{self._guards} is already locked here", holder="this process")
        descriptor = _opened(self.path)
        if not _taken(descriptor):
            holder = _told(descriptor)
            os.close(descriptor)
            raise Locked(f"{self._guards} is in use by {holder}", holder=str(holder))
        _tell(descriptor, purpose)
        self._descriptor = descriptor
        return self

    def release(self) -> None:
        """Let go; harmless when it is not held."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


class DatabaseLock(KernelLock):
    """The right to write to a SQLite file: `with DatabaseLock(path).acquire("backup"): ...`."""

    def __init__(self, database_path: Path) -> None:
        super().__init__(_lock_path(database_path), guards=str(database_path))


class StateLock(KernelLock):
    """The right to be the daemon of a state folder: its journal, its spool, its socket."""

    def __init__(self, state_dir: Path) -> None:
        super().__init__(state_dir / "daemon.lock", guards=str(state_dir))


def holder(database_path: Path) -> str | None:
    """Who writes to this database, as "pid 123 (daemon, since ...)"; None: nobody."""
    found = holder_of(_lock_path(database_path))
    return None if found is None else str(found)


def daemon_of(state_dir: Path) -> Holder | None:
    """The daemon of a state folder; None: there is none."""
    return holder_of(StateLock(state_dir).path)


def holder_of(path: Path) -> Holder | None:
    """Who holds the lock on `path`; None: nobody. Raises ConfigurationError."""
    if not path.exists():
        return None
    descriptor = _opened(path)
    try:
        return None if _try(descriptor, fcntl.LOCK_SH) else _told(descriptor)
    finally:
        os.close(descriptor)


def _lock_path(database_path: Path) -> Path:
    # Links are followed first: the same database under two names has one lock.
    real = Path(os.path.realpath(database_path))
    return real.with_name(f"{real.name}.lock")


def _opened(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        return os.open(path, flags, 0o600)
    except OSError as error:
        why = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise ConfigurationError(f"cannot open the lock file {path}: {why}") from error


def _taken(descriptor: int) -> bool:
    for look in range(_LOOKS):
        if look:
            time.sleep(_BETWEEN_LOOKS_S)
        if _try(descriptor, fcntl.LOCK_EX):
            return True
    return False


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _tell(descriptor: int, purpose: str) -> None:
    me = this_process()
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    told = {"pid": me.pid, "birth": me.birth, "purpose": purpose, "since": since}
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(told).encode() + b"\n", 0)


def _told(descriptor: int) -> Holder:
    try:
        found: Any = json.loads(os.pread(descriptor, _TEXT_LIMIT, 0))
        process = Process(int(found["pid"]), str(found["birth"]))
        return Holder(process, str(found["purpose"]), str(found["since"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return Holder(None)  # between taking the lock and telling, or a foreign text
