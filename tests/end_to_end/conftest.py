"""Instances in a folder of their own, whose daemons are ended with the test."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mail_proxy.config.instances import Instance
from mail_proxy.config.lock import daemon_of
from mail_proxy.control.http import HttpControl
from mail_proxy.control.process import start_daemon, stop_daemon
from mail_proxy.sinks.reports import PATH, ReportSink
from mail_proxy.sinks.smtp import SmtpSink

OURS = ("GMP_", "MAIL_PROXY_", "LOG_")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment of the daemons: nothing of ours but the home."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(OURS)}
    return {**kept, "MAIL_PROXY_HOME": str(tmp_path / "home")}


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    """Not made yet; its daemon, if a test leaves one, is ended."""
    made = Instance("myserver", tmp_path / "home" / "myserver")
    yield made
    if daemon_of(made.folder) is not None:
        stop_daemon(made, force=True)


PATIENCE_S = 120.0


class Main:
    """An instance with one tenant, one account, a counting receiver and an application."""

    def __init__(
        self, instance: Instance, environ: dict[str, str], relay: SmtpSink, application: ReportSink
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

    async def start(self) -> None:
        # A port of its own: the first free one is soon another test's while this daemon is away.
        info = await asyncio.to_thread(
            start_daemon, self.instance, port=self.port, environ=self.environ
        )
        self.url, self.pid = info.url, info.pid

    async def stop(self) -> None:
        await asyncio.to_thread(stop_daemon, self.instance)

    async def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        async with asyncio.timeout(PATIENCE_S):
            while daemon_of(self.instance.folder):  # noqa: ASYNC110 - the kernel sends no event
                await asyncio.sleep(0.01)

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
        ours = {"host": self.relay.host, "port": self.relay.port, "tls_mode": "none"}
        await self.call("addAccount", **{"tenant_id": "acme", "id": "main", **ours, **account})

    async def post(self, session: aiohttp.ClientSession, ids: list[str], **fields: Any) -> None:
        """As an application does: the same again until it was answered."""
        messages = [
            {
                "id": id_,
                "from": "billing@acme.example",
                "to": ["ann@example.com"],
                "subject": id_,
                "body": "Hello.\n",
                **fields,
            }
            for id_ in ids
        ]
        async with asyncio.timeout(PATIENCE_S):
            while not await self._posted(session, messages):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)  # the daemon is away: an application would wait as well

    async def _posted(self, session: aiohttp.ClientSession, messages: list[dict[str, Any]]) -> bool:
        try:
            async with session.post(
                f"{self.url}/commands/add-messages",
                json={"messages": messages},
                headers={"X-API-Token": self.key},
            ) as answer:
                body = await answer.json()
                if answer.status == 503:
                    return False
                assert answer.status == 200, body
        except aiohttp.ClientConnectionError:
            return False
        reasons = {rejection["reason"] for rejection in body["rejected"]}
        assert reasons <= {"already sent"}, body
        return True

    async def until_empty(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while (await self.call("getStatus"))["pending_messages"]:  # noqa: ASYNC110 - see above
                await asyncio.sleep(0.05)

    async def statuses(self) -> dict[str, int]:
        counted: dict[str, int] = {}
        for message in (await self.call("listMessages", tenant_id="acme"))["messages"]:
            counted[message["status"]] = counted.get(message["status"], 0) + 1
        return counted

    async def metric(self, name: str) -> float:
        text = (await self.call("metrics"))["text"]
        values = [line for line in text.splitlines() if line.startswith(name)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in values)


@pytest.fixture
def running(
    instance: Instance, environ: dict[str, str]
) -> Callable[..., AbstractAsyncContextManager[Main]]:
    """A running instance with one tenant and one account; `relay` may be another server."""

    @asynccontextmanager
    async def run(**account: Any) -> AsyncIterator[Main]:
        async with SmtpSink() as relay, ReportSink() as application:
            main = Main(instance, environ, relay, application)
            await main.start()
            try:
                await main.prepare(**account)
                yield main
            finally:
                await main.stop()

    return run
