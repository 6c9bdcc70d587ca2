"""What `doctor` asks of the daemon and of the kernel about it."""

from __future__ import annotations

import re
import resource
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mail_proxy import __version__
from mail_proxy.cli.doors import Daemon, DaemonState
from mail_proxy.cli.finding import Finding, failed, passed, warned
from mail_proxy.cli.here import Here
from mail_proxy.cli.suspended import is_suspended
from mail_proxy.config.settings import Settings
from mail_proxy.control.base import SyncControl
from mail_proxy.domain.errors import MailProxyError
from mail_proxy.domain.safe_text import safe_text

_CONNECT_S = 3.0
_ENOUGH_FILES = 1024  # connections in and out, the journal, the spool, the database
_OPEN_FILES = re.compile(r"^Max open files\s+(\d+)", re.MULTILINE)


def check_process(name: str, daemon: Daemon) -> Finding:
    match daemon.state:
        case DaemonState.RUNNING:
            return passed("daemon", f"it answers, pid {daemon.pid}")
        case DaemonState.UNRESPONSIVE:
            text = f"pid {daemon.pid} does not answer: it starts, stops or hangs"
            return failed("daemon", text, f"mail-proxy {name} logs -n 50")
        case DaemonState.DEAD:
            text = f"it ended without being stopped; its pid file tells of {daemon.pid}"
            return failed("daemon", text, f"mail-proxy {name} logs; mail-proxy start {name}")
        case DaemonState.STOPPED:
            return warned("daemon", "it does not run", f"mail-proxy start {name}")


def check_port(name: str, daemon: Daemon, settings: Settings) -> Finding:
    """Ours where the daemon runs, else free."""
    if daemon.is_running and daemon.host and daemon.port:
        return _check_own_port(name, daemon.host, daemon.port)
    host, port = settings.http.host, settings.http.port
    if port is None:
        return passed("port", "the first free one from 8000 will be taken")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        text = f"{host}:{port} cannot be listened on: {why}"
        return failed("port", text, f"mail-proxy start {name} --port PORT")
    return passed("port", f"{host}:{port} is free")


def _check_own_port(name: str, host: str, port: int) -> Finding:
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    try:
        socket.create_connection((near, port), _CONNECT_S).close()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        text = f"nothing answers at {host}:{port}: {why}"
        return failed("port", text, f"mail-proxy restart {name}")
    return passed("port", f"{host}:{port} is its own")


def check_open_files(daemon: Daemon) -> Finding:
    """The soft limit of the daemon, or of a daemon that would be started from here."""
    soft = _limit_of(daemon.pid) if daemon.is_running and daemon.pid else None
    if soft is None:
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if 0 <= soft < _ENOUGH_FILES:
        fix = f"ulimit -n {_ENOUGH_FILES * 4}, or LimitNOFILE= of its service; then restart it"
        return warned("files", f"it may open {soft} files at a time", fix)
    return passed("files", f"it may open {'any number of' if soft < 0 else soft} files at a time")


def _limit_of(pid: int) -> int | None:
    try:
        found = _OPEN_FILES.search(Path(f"/proc/{pid}/limits").read_text())
    except OSError:
        return None  # another system, or another user's process
    return int(found[1]) if found else None


def ask(found: Here, control: SyncControl) -> Iterator[Finding]:
    """Version, key and queue, as the instance itself tells them."""
    name = found.instance_name
    told = control.call("getInstance")
    version = told.get("version")
    if version == __version__:
        yield passed("version", f"{version}, as this command")
    else:
        text = f"the daemon is {safe_text(version)}, this command {__version__}"
        yield warned("version", text, f"mail-proxy restart {name}")
    yield _check_key(found, control.call("getStats"))
    if is_suspended(told):
        yield warned("sending", "everything is suspended", f"mail-proxy {name} activate")
    else:
        yield passed("sending", "it is not suspended")


def _check_key(found: Here, stats: dict[str, Any]) -> Finding:
    problem = stats.get("secrets_problem")
    if not problem:
        return passed("key", "stored passwords can be read")
    fix = f"put {found.instance.key_path} back and restart it"
    return failed("key", safe_text(problem, 300), fix)


def unreadable(name: str, error: MailProxyError) -> Finding:
    return failed("store", safe_text(error, 300), error.hint or f"mail-proxy {name} logs -n 50")
