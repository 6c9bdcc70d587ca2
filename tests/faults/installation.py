"""A real daemon on an instance folder of its own, and what a test does to it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from mail_proxy.config.instances import Instance
from mail_proxy.config.lock import daemon_of
from mail_proxy.control.http import HttpControl
from mail_proxy.control.process import start_daemon, stop_daemon
from mail_proxy.sinks.reports import PATH, ReportSink
from tests.faults.client import Client

PATIENCE_S = 120.0
OURS = ("GMP_", "MAIL_PROXY_", "LOG_")


class Relay(Protocol):
    """Where the mail goes: an SmtpSink, or a Receiver."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...


class Installation:
    """An instance with one tenant, `acme`, one account, `main`, and an application."""

    def __init__(
        self, instance: Instance, environ: dict[str, str], relay: Any, application: ReportSink
    ) -> None:
        self.instance = instance
        self.environ = environ
        self.relay = relay
        self.application = application
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port = found.getsockname()[1]
        self.url = ""
        self.pid = 0
        self.key = ""

    # --- the process ---

    async def start(self) -> None:
        # A port of its own: the first free one is soon another test's while this daemon is away.
        info = await asyncio.to_thread(
            start_daemon,
            self.instance,
            port=self.port,
            environ=self.environ,
            timeout_s=PATIENCE_S,
        )
        self.url, self.pid = info.url, info.pid

    async def stop(self) -> None:
        await asyncio.to_thread(stop_daemon, self.instance)

    async def kill(self) -> None:
        self.signal(signal.SIGKILL)
        await until(lambda: daemon_of(self.instance.folder) is None)

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    # --- asking ---

    async def call(self, command: str, **fields: Any) -> dict[str, Any]:
        control = HttpControl(self.instance.socket_path)
        try:
            return await control.call(command, **fields)
        finally:
            await control.aclose()

    async def prepare(self, **account: Any) -> None:
        answer = await self.call(
            "addTenant",
            id="acme",
            client_base_url=self.application.base_url,
            client_sync_path=PATH,
        )
        self.key = answer["api_key"]
        await self.add_account(**account)

    async def add_account(self, **account: Any) -> None:
        ours = {"host": self.relay.host, "port": self.relay.port, "tls_mode": "none"}
        await self.call("addAccount", **{"tenant_id": "acme", "id": "main", **ours, **account})

    def client(self, session: aiohttp.ClientSession) -> Client:
        return Client(session, f"http://127.0.0.1:{self.port}", self.key)

    async def post(self, session: aiohttp.ClientSession, ids: list[str], **fields: Any) -> None:
        """As an application does: the same again until it was answered."""
        await self.client(session).post_until_answered(ids, **fields)

    async def until_empty(self, timeout_s: float = PATIENCE_S) -> None:
        """Until nothing waits and nothing is being sent; what is in doubt or held stays."""
        try:
            await until(lambda: not self.open_messages(), timeout_s)
        except TimeoutError:
            raise TimeoutError(
                f"{self.open_messages()} messages are left after {timeout_s:g} s"
            ) from None

    def open_messages(self) -> int:
        """Waiting, or being sent."""
        statement = "SELECT count(*) FROM messages WHERE state IN ('waiting', 'leased')"
        return int(self.query(statement)[0][0])

    async def statuses(self) -> dict[str, int]:
        listed = (await self.call("listMessages", tenant_id="acme"))["messages"]
        return dict(Counter(message["status"] for message in listed))

    async def metric(self, name: str) -> float:
        text = (await self.call("metrics"))["text"]
        values = [line for line in text.splitlines() if line.startswith(name)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in values)

    # --- looking past it ---

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the database, read without the daemon."""
        return rows_of(self.instance.database_path, statement, *values)

    def log_text(self) -> str:
        return self.instance.log_path.read_text(encoding="utf-8", errors="replace")


def environment(home: Path) -> dict[str, str]:
    """The environment of a daemon: nothing of ours but the home."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(OURS)}
    return {**kept, "MAIL_PROXY_HOME": str(home)}


def end(instance: Instance) -> None:
    """End the daemon that a test has left, frozen or not."""
    held = daemon_of(instance.folder)
    if held is not None and held.process is not None:
        os.kill(held.process.pid, signal.SIGCONT)
        stop_daemon(instance, force=True)


def rows_of(database: Path, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    conn = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)
    try:
        return conn.execute(statement, values).fetchall()
    finally:
        conn.close()


async def until(
    is_true: Callable[[], Awaitable[bool]] | Callable[[], bool], timeout_s: float = PATIENCE_S
) -> None:
    """Look until it is so: what is waited for happens in another process, which tells nobody."""
    async with asyncio.timeout(timeout_s):
        while True:
            answer = is_true()
            if await answer if isinstance(answer, Awaitable) else answer:
                return
            await asyncio.sleep(0.01)
