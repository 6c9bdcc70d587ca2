"""One instance under test, with everything around it, from nothing to nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mail_proxy.bench.children import Child
from mail_proxy.bench.letter import HEADERS_AT_MOST, wire_bytes
from mail_proxy.bench.machine import environment
from mail_proxy.bench.plan import BenchFailed, Plan, Say
from mail_proxy.bench.usage import resident_mb
from mail_proxy.config.instances import Instance, instance_named
from mail_proxy.config.pidfile import read_pid_file
from mail_proxy.control.process import start_daemon
from mail_proxy.control.quick import SocketControl

INSTANCE = "bench-instance"
TENANT = "acme"
MAIN = "main"  # the account that sends to the mail server on ten connections
CONNECTIONS = 10
_CLIENTS = 4
_BATCH = 100
_SLICE = 20_000  # posted at once while the queue is filled: between them one is told how far it is
_LOOK_S = 0.02
_PATIENCE_S = 600.0
_BUILTIN = "builtin"


def mail_server_words(plan: Plan, folder: Path, counters: str = "counters") -> tuple[str, ...]:
    """What a mail server's process is started with. Raises BenchFailed."""
    if plan.smtp_sink == _BUILTIN:
        return (_BUILTIN,)
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/lib/postfix/sbin"
    program = shutil.which(plan.smtp_sink or "smtp-sink", path=path)
    if program is None and plan.smtp_sink is not None:
        raise BenchFailed(f"there is no program {plan.smtp_sink}")
    return (_BUILTIN,) if program is None else ("smtp-sink", program, str(folder / counters))


@dataclass
class Stand:
    """folder: for all files. pid: of the daemon. mail: the mail server.

    posted: messages so far, all to be delivered.
    raw: messages and bytes that went to the mail server past the daemon.
    start_s: from the start of the daemon to its first answer. idle_mb: its memory then.
    """

    folder: Path
    pid: int
    url: tuple[str, int]
    token: str
    control: SocketControl
    mail: Child
    reports: Child
    load: Child
    say: Say
    mail_server: str
    start_s: float
    idle_mb: float
    posted: int = 0
    raw: dict[str, int] = field(default_factory=lambda: {"messages": 0, "bytes": 0})
    _elsewhere: int = 0  # posted, and meant for another mail server

    # --- posting ---

    def post(
        self,
        count: int,
        *,
        batch: int = 1,
        clients: int = 1,
        account: str = MAIN,
        pause_s: float = 0.0,
        prebuilt: bool = True,
    ) -> dict[str, Any]:
        """What load.py tells of it."""
        first, self.posted = self.posted, self.posted + count
        if account != MAIN:
            self._elsewhere += count
        return self.load.ask(
            "post",
            first=first,
            count=count,
            batch=batch,
            clients=clients,
            account=account,
            pause_s=pause_s,
            prebuilt=prebuilt,
        )

    def post_attached(
        self,
        count: int,
        *,
        clients: int,
        account: str,
        path: str | None,
        size_bytes: int,
        content_md5: str | None = None,
    ) -> dict[str, Any]:
        """The same with one attachment each; path: None for base64. For another mail server."""
        first, self.posted = self.posted, self.posted + count
        self._elsewhere += count
        return self.load.ask(
            "post_attached",
            first=first,
            count=count,
            clients=clients,
            account=account,
            path=path,
            size_bytes=size_bytes,
            content_md5=content_md5,
        )

    @property
    def attachments(self) -> Path:
        """The tenant's folder for files that it attaches."""
        return instance_named(INSTANCE, self.folder).folder / "attachments" / TENANT

    def fill_to(self, depth: int) -> None:
        """Post until so many wait; the scheduler is to be suspended."""
        while (missing := depth - self.pending()) >= _BATCH:
            count = min(missing, _SLICE) // _BATCH * _BATCH
            self.post(count, batch=_BATCH, clients=_CLIENTS, prebuilt=False)
            if depth > _SLICE:
                self.say(f"filling the queue: {depth - missing + count:,} of {depth:,}")
        if missing > 0:
            self.post(missing)

    # --- the queue ---

    def pending(self) -> int:
        return int(self.control.call("getStatus")["pending_messages"])

    def suspend(self) -> None:
        """Nothing is sent; what was claimed is back."""
        self.control.call("suspend")

    def activate(self) -> None:
        self.control.call("activate")

    def wait_until_empty(self) -> None:
        """Until nothing waits."""
        wait_until(lambda: self.pending() == 0, "the queue did not empty")

    def received(self) -> int:
        """Messages that came to the mail server. Asking costs the daemon nothing."""
        return int(self.mail.ask("count")["messages"])

    def wait_until_received(self, count: int) -> int:
        """Until so many came in all; how many did."""
        came = 0

        def is_enough() -> bool:
            nonlocal came
            came = self.received()
            return came >= count

        wait_until(is_enough, f"{count} messages did not come")
        return came

    # --- what came ---

    def wait_for_reports(self) -> None:
        """Until every posted message is told as sent. Raises BenchFailed for anything else."""

        def all_told() -> bool:
            counted = self.reports.ask("count")
            if counted["others"] or counted["sent"] > self.posted:
                raise BenchFailed(f"the reports do not fit {self.posted} messages: {counted}")
            return bool(counted["sent"] == self.posted)

        wait_until(all_told, "the reports did not all come")

    def check_mail(self) -> dict[str, int | None]:
        """The mail server has what was sent, in messages and in bytes. Raises BenchFailed."""
        counted: dict[str, int | None] = self.mail.ask("count")
        ours = self.posted - self._elsewhere
        messages, size = counted["messages"], counted["bytes"]
        if messages != ours + self.raw["messages"]:
            raise BenchFailed(
                f"{ours + self.raw['messages']} messages were sent and the mail server "
                f"counted {messages}"
            )
        least = ours * wire_bytes() + self.raw["bytes"]
        most = least + (ours + self.raw["messages"] + CONNECTIONS) * HEADERS_AT_MOST
        if size is not None and not least <= size <= most:
            raise BenchFailed(f"the mail server counted {size} bytes, not {least} to {most}")
        return {"messages": messages, "bytes": size, "reports": self.posted}


def wait_until(is_true: Callable[[], bool], otherwise: str) -> None:
    """Look again and again, fifty times a second. Raises BenchFailed after ten minutes."""
    deadline = time.monotonic() + _PATIENCE_S
    while not is_true():
        if time.monotonic() > deadline:
            raise BenchFailed(f"{otherwise} in {_PATIENCE_S:g} s")
        time.sleep(_LOOK_S)


@contextlib.contextmanager
def open_stand(
    plan: Plan, say: Say, *, settings: Mapping[str, str] | None = None
) -> Iterator[Stand]:
    """Start it all; end it all, whatever happens, and leave no file.

    settings: `GMP_*` of the daemon.
    """
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(_folder())
        words = mail_server_words(plan, folder)
        mail = stack.enter_context(Child("mail", *words))
        reports = stack.enter_context(Child("reports"))
        instance = instance_named(INSTANCE, folder)
        environ = environment(folder)
        environ["GMP_ALLOWED_NETWORKS"] = "127.0.0.1"  # where its own file server is
        environ |= settings or {}
        where, receiver = mail.ask("where"), reports.ask("where")
        stack.callback(_end_daemon, instance)
        began = time.perf_counter()
        info = start_daemon(instance, environ=environ)
        start_s, idle_mb = time.perf_counter() - began, resident_mb(info.pid)
        control = SocketControl(instance.socket_path)
        token = _prepare(control, where, receiver)
        load = stack.enter_context(Child("load", info.host, str(info.port), token))
        yield Stand(
            folder,
            info.pid,
            (info.host, info.port),
            token,
            control,
            mail,
            reports,
            load,
            say,
            words[0],
            start_s,
            idle_mb,
        )


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="mail-proxy-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _end_daemon(instance: Instance) -> None:
    """At once: nothing that it has is of use any more."""
    info = read_pid_file(instance.pid_path)
    if info is None or not info.process.is_alive():
        return
    os.kill(info.pid, signal.SIGKILL)
    wait_until(lambda: not info.process.is_alive(), "the daemon did not end")


def _prepare(control: SocketControl, where: dict[str, Any], receiver: dict[str, Any]) -> str:
    """The tenant's token."""
    answer = control.call(
        "addTenant",
        id=TENANT,
        client_base_url=receiver["base_url"],
        client_sync_path=receiver["path"],
    )
    add_account(control, MAIN, where, connections=CONNECTIONS)
    return str(answer["api_key"])


def add_account(
    control: SocketControl, account_id: str, where: dict[str, Any], *, connections: int
) -> None:
    control.call(
        "addAccount",
        tenant_id=TENANT,
        id=account_id,
        host=where["host"],
        port=where["port"],
        tls_mode="none",
        max_connections=connections,
    )
