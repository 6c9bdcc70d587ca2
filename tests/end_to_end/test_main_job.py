"""The main job through a real daemon: posted over REST, delivered over SMTP, reported back."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from mail_proxy.config.instances import Instance
from mail_proxy.config.lock import daemon_of
from mail_proxy.control.http import HttpControl
from mail_proxy.control.process import start_daemon, stop_daemon
from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.reports import PATH, ReportSink
from mail_proxy.sinks.smtp import SmtpSink

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
        self.url = ""
        self.pid = 0
        self.key = ""

    async def start(self) -> None:
        info = await asyncio.to_thread(start_daemon, self.instance, environ=self.environ)
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
        where = {"host": self.relay.host, "port": self.relay.port, "tls_mode": "none"}
        await self.call("addAccount", tenant_id="acme", id="main", **where, **account)

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


@asynccontextmanager
async def running(
    instance: Instance, environ: dict[str, str], **account: Any
) -> AsyncIterator[Main]:
    async with SmtpSink() as relay, ReportSink() as application:
        main = Main(instance, environ, relay, application)
        await main.start()
        try:
            await main.prepare(**account)
            yield main
        finally:
            await main.stop()


@pytest.mark.slow
async def test_each_recipient_of_a_message_has_its_own_result(
    instance: Instance, environ: dict[str, str]
) -> None:
    to = ["a@x.example", "b@x.example", "c@x.example", "d@x.example"]
    async with running(instance, environ, retry_delays=[0.2]) as main:
        main.relay.answer(Stage.RCPT, "550 5.1.1 no such user", recipient="c@x.example")
        main.relay.answer(Stage.RCPT, "451 4.7.1 later", recipient="d@x.example", times=1)
        async with aiohttp.ClientSession() as session:
            await main.post(session, ["m1"], to=to)
        await main.application.wait_for(2, timeout_s=PATIENCE_S)
        answer = await main.call("getMessage", id="m1", tenant_id="acme")
    states = {r["address"]: r["state"] for r in answer["message"]["recipients"]}
    assert states == {
        "a@x.example": "accepted",
        "b@x.example": "accepted",
        "c@x.example": "refused",
        "d@x.example": "accepted",
    }
    assert sorted(main.relay.copies.values()) == [1, 1, 1]
    deferred, final = main.application.entries
    assert deferred["deferred_reason"] == "4.7.1 later (SMTP 451)"
    assert [entry["recipient"] for entry in final["refused"]] == ["c@x.example"]


@pytest.mark.slow
async def test_ten_thousand_messages_arrive_once_each_over_a_restart(
    instance: Instance, environ: dict[str, str]
) -> None:
    total = 5000
    async with running(instance, environ) as main, aiohttp.ClientSession() as session:
        for first in range(0, total, 100):
            await main.post(session, [f"batch-{n}" for n in range(first, first + 100)])
        singles = iter(range(total))
        halfway = asyncio.Event()

        async def client() -> None:
            for n in singles:
                if n == total // 2:
                    halfway.set()
                await main.post(session, [f"single-{n}"])

        async def restart() -> None:
            await halfway.wait()
            await main.stop()
            await main.start()

        async with asyncio.TaskGroup() as group:
            group.create_task(restart())
            for _ in range(32):
                group.create_task(client())
        await main.until_empty()
        assert set(main.relay.copies.values()) == {1}
        assert len(main.relay.copies) == 2 * total
        assert await main.statuses() == {"sent": 2 * total}
        stats = await main.call("getStats")
        assert stats["messages"] == {"pending": 0, "sent": 2 * total, "error": 0}
        assert await main.metric("gmp_pending_messages") == 0
        await main.application.wait_for(2 * total, timeout_s=PATIENCE_S)
        reported = [entry["id"] for entry in main.application.entries if "sent_ts" in entry]
        assert len(set(reported)) == 2 * total


@pytest.mark.slow
async def test_a_killed_daemon_loses_nothing(instance: Instance, environ: dict[str, str]) -> None:
    total = 2000
    async with running(instance, environ) as main, aiohttp.ClientSession() as session:
        main.relay.delay(Stage.DOT, 0.002)
        for first in range(0, total, 100):
            await main.post(session, [f"m{n}" for n in range(first, first + 100)])
        await main.relay.wait_for(total // 4, timeout_s=PATIENCE_S)
        await main.kill()
        await main.start()
        await main.until_empty()
        assert await main.statuses() == {"sent": total}
        assert len(main.relay.copies) == total
        repeats = sum(main.relay.copies.values()) - total
        print(f"kill -9 while {total} messages drained: none lost, {repeats} sent again")
        # Without a journal what was sent and not yet written goes again: the batch in hand.
        assert repeats < total // 4
