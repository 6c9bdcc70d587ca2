"""The daemon as a process: start it and wait until it answers, stop it, say whether it runs.

Whether it runs is asked of the kernel's lock; the pid file is a hint. A signal goes only to the
process that holds the lock, never to a stranger who has its pid by now. Standard library only.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from mail_proxy.config import unix_socket
from mail_proxy.config.file import create_instance, discard_instance
from mail_proxy.config.instances import Instance
from mail_proxy.config.load import load_settings
from mail_proxy.config.lock import Holder, StateLock, daemon_of
from mail_proxy.config.pidfile import DaemonInfo, read_pid_file, remove_pid_file
from mail_proxy.config.processes import Process, find_process
from mail_proxy.control.launch import launch
from mail_proxy.domain.errors import (
    ConfigurationError,
    Conflict,
    Forbidden,
    Locked,
    MailProxyError,
    NotRunning,
)
from mail_proxy.private_files import open_to_append
from mail_proxy.wire.failure import failure_from

START_TIMEOUT_S = 15.0
_HEALTH_TIMEOUT_S = 2.0
_FORCE_AFTER_S = 2.0  # what a forced stop leaves a daemon to end by itself
_STOP_MARGIN_S = 30.0  # over its grace: writing results, closing
_LOOK_EVERY_S = 0.05
_LOOKS = 4
_TAIL_LINES = 20
_TAIL_BYTES = 16384


class RunState(StrEnum):
    RUNNING = "running"
    STOPPED = "stopped"
    DEAD = "dead"  # it did not end by itself: its pid file is still there


class AlreadyRunning(Conflict):
    """The instance has a daemon; `holder` says which."""

    def __init__(self, name: str, holder: Holder) -> None:
        super().__init__(f"'{name}' is already running: {holder}", hint=f"mail-proxy status {name}")
        self.holder = holder


@dataclass(frozen=True, slots=True)
class Status:
    """answers: it runs and serves; false while it starts or stops, and when it hangs.

    info: what it told of itself, or what a dead one left; None when there is nothing.
    """

    state: RunState
    info: DaemonInfo | None = None
    answers: bool = False


# --- status ---


def daemon_status(instance: Instance) -> Status:
    """Whether the instance has a daemon. Takes milliseconds, two seconds when it hangs."""
    info = read_pid_file(instance.pid_path)
    held = daemon_of(instance.folder)
    if held is None:
        return Status(RunState.STOPPED if info is None else RunState.DEAD, info)
    if info is not None and info.process != held.process:
        info = None  # a predecessor's
    return Status(RunState.RUNNING, info, answers=_answers(instance.socket_path))


def running_daemon(instance: Instance) -> DaemonInfo | None:
    """The daemon that holds the instance and answers, or None."""
    status = daemon_status(instance)
    return status.info if status.answers else None


def _answers(socket_path: Path) -> bool:
    # By hand: http.client would cost more than the rest of the command together.
    try:
        with unix_socket.connect(socket_path, _HEALTH_TIMEOUT_S) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: local\r\nConnection: close\r\n\r\n")
            return connection.recv(12) == b"HTTP/1.1 200"
    except OSError:
        return False


# --- start ---


def daemon_command(
    instance: Instance | None,
    *,
    host: str | None = None,
    port: int | None = None,
    is_new: bool = False,
) -> list[str]:
    """The command line of a daemon in front; without an instance, that of `serve`.

    is_new: the instance was made for this start, and goes when that is refused.
    """
    # -P: nothing is imported from the folder that the command happens to be given in.
    command = [sys.executable, "-P", "-m", "mail_proxy.daemon"]
    command.append("--serve" if instance is None else instance.name)
    if host is not None:
        command += ["--host", host]
    if port is not None:
        command += ["--port", str(port)]
    if is_new:
        command.append("--new")
    return command


def daemon_environment(environ: Mapping[str, str], instance: Instance) -> dict[str, str]:
    """`environ` with the place of the instance made absolute."""
    return {**environ, "MAIL_PROXY_HOME": str(instance.folder.parent.absolute())}


def start_daemon(
    instance: Instance,
    *,
    host: str | None = None,
    port: int | None = None,
    timeout_s: float = START_TIMEOUT_S,
    environ: Mapping[str, str] = os.environ,
) -> DaemonInfo:
    """Start the daemon behind the terminal; returns when it answers. Makes a new instance.

    A new one whose start is refused leaves nothing behind. Interrupted, no daemon is left.
    Raises AlreadyRunning, Locked (another program has the database), ConfigurationError, and
    NotRunning when it ended without a word or is not ready in time.
    """
    is_new = not instance.folder.exists()
    try:
        return _start(instance, host, port, timeout_s, environ)
    except (NotRunning, AlreadyRunning):
        raise  # its log tells why, or another start has made it
    except BaseException as error:
        # "internal" has its traceback in the log.
        if is_new and getattr(error, "code", "") != MailProxyError.code:
            discard_instance(instance)
        raise


def wait_for_daemon(instance: Instance, timeout_s: float = START_TIMEOUT_S) -> DaemonInfo | None:
    """The daemon that another command is starting, when it has told of itself.

    None when it ended instead. Raises NotRunning when it does neither in time.
    """
    deadline = time.monotonic() + timeout_s
    while (status := daemon_status(instance)).state is RunState.RUNNING:
        if status.info is not None:
            return status.info
        if time.monotonic() > deadline:
            raise _still_busy(instance.name, "starting, or stopping,", timeout_s)
        time.sleep(_LOOK_EVERY_S)
    return None


def _start(
    instance: Instance,
    host: str | None,
    port: int | None,
    timeout_s: float,
    environ: Mapping[str, str],
) -> DaemonInfo:
    create_instance(instance, now=time.time())
    _refuse_second(instance)
    load_settings(instance, environ, host=host, port=port)  # a bad one is told without a process
    log = _open_log(instance.log_path)
    try:
        log_start = os.fstat(log).st_size
        line = launch(
            daemon_command(instance, host=host, port=port),
            log=log,
            environ=daemon_environment(environ, instance),
            timeout_s=timeout_s,
            is_held=lambda: daemon_of(instance.folder) is not None,
        )
    finally:
        os.close(log)
    return _started(instance, line, log_start, timeout_s)


def _refuse_second(instance: Instance) -> None:
    held = daemon_of(instance.folder)
    if held is not None:
        raise AlreadyRunning(instance.name, held)


def _open_log(path: Path) -> int:
    try:
        return open_to_append(path)
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from error


def _started(
    instance: Instance, line: bytes | None, log_start: int, timeout_s: float
) -> DaemonInfo:
    name = instance.name
    if line is None:
        raise _still_busy(name, "starting", timeout_s)
    if not line:
        raise NotRunning(
            f"'{name}' ended while it was starting{_tail(instance.log_path, log_start)}",
            hint=f"mail-proxy {name} logs",
        )
    told: dict[str, Any] = json.loads(line)
    if not told["ok"]:
        raise _refusal(instance, told)
    info = read_pid_file(instance.pid_path)
    if info is None:
        raise NotRunning(f"'{name}' started and has gone again", hint=f"mail-proxy {name} logs")
    return info


def _still_busy(name: str, doing: str, timeout_s: float) -> NotRunning:
    return NotRunning(
        f"'{name}' is still {doing} after {timeout_s:g} s", hint=f"mail-proxy status {name}"
    )


def _refusal(instance: Instance, told: dict[str, Any]) -> MailProxyError:
    if told.get("code") != Locked.code:
        return failure_from(told, 0)
    held = daemon_of(instance.folder)
    if held is not None:
        return AlreadyRunning(instance.name, held)
    return Locked(str(told.get("error")), hint=told.get("hint"))


def _tail(path: Path, start: int) -> str:
    """The last lines that were logged since `start`, to be put behind a sentence."""
    try:
        with path.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(min(start, end), end - _TAIL_BYTES))
            lines = log.read(_TAIL_BYTES).decode("utf-8", "replace").splitlines()
    except OSError as error:
        return f" ({path} cannot be read: {error.strerror})"
    return "".join(f"\n  {line}" for line in lines[-_TAIL_LINES:])


# --- stop ---


def stop_daemon(
    instance: Instance,
    *,
    force: bool = False,
    on_wait: Callable[[float], None] | None = None,
) -> bool:
    """End the daemon and wait until it has gone; False when there was none.

    force: do not wait for what is on the wire.
    on_wait: called about twenty times a second with the seconds waited.
    Raises Conflict when it does not end in time, Forbidden when it is another user's.
    """
    process = _signal_target(instance)
    if process is None:
        _tidy(instance)
        return False
    info = read_pid_file(instance.pid_path)
    grace_s = 0.0 if info is None else info.stop_grace_s
    _signal(process, signal.SIGTERM)
    if force:
        if not _wait_gone(instance, process, _FORCE_AFTER_S, on_wait):
            _signal(process, signal.SIGKILL)
        grace_s = 0.0
    if not _wait_gone(instance, process, grace_s + _STOP_MARGIN_S, on_wait):
        raise Conflict(
            f"'{instance.name}' (pid {process.pid}) is still stopping",
            hint=f"mail-proxy stop {instance.name} --force",
        )
    _tidy(instance)
    return True


def _signal_target(instance: Instance) -> Process | None:
    """The process that holds the lock, None when none does. Raises Conflict when it is hidden."""
    for _ in range(_LOOKS):
        held = daemon_of(instance.folder)
        if held is None:
            return None
        if held.process is not None and held.process.is_alive():
            return held.process
        time.sleep(_LOOK_EVERY_S)  # it holds the lock a moment before it says who it is
    raise Conflict(
        f"'{instance.name}' is held by a process that cannot be seen from here ({held})",
        hint="stop it where it was started: in its container, or on its machine",
    )


def _signal(process: Process, number: signal.Signals) -> None:
    """Signal that very process; nothing where it has gone."""
    try:
        _signal_exactly(process, number)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise Forbidden(f"pid {process.pid} belongs to another user") from error


def _signal_exactly(process: Process, number: signal.Signals) -> None:
    if sys.platform != "linux":
        os.kill(process.pid, number)
        return
    # The descriptor holds on to one process: compared after it was opened, it cannot be a stranger.
    descriptor = os.pidfd_open(process.pid)
    try:
        if find_process(process.pid) == process:
            signal.pidfd_send_signal(descriptor, number)
    finally:
        os.close(descriptor)


def _wait_gone(
    instance: Instance,
    process: Process,
    timeout_s: float,
    on_wait: Callable[[float], None] | None,
) -> bool:
    began = time.monotonic()
    while _holds(instance, process):
        waited_s = time.monotonic() - began
        if waited_s > timeout_s:
            return False
        if on_wait is not None:
            on_wait(waited_s)
        time.sleep(_LOOK_EVERY_S)
    return True


def _holds(instance: Instance, process: Process) -> bool:
    held = daemon_of(instance.folder)
    return held is not None and process.is_alive()


def _tidy(instance: Instance) -> None:
    """Remove what a killed daemon left, unless another one is there by now."""
    if not instance.pid_path.exists():
        return
    try:
        with StateLock(instance.folder).acquire("stop"):
            remove_pid_file(instance.pid_path)
    except Locked:
        return  # a new one is starting; it writes its own
