"""A daemon as a process, a mail server in another one, an application, and what checks them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
import pytest

from mail_proxy.config.instances import Instance
from mail_proxy.sinks.reports import ReportSink
from tests.delivery.conftest import house  # noqa: F401 - a fixture
from tests.faults.checker import Ledger, check_all
from tests.faults.client import Client
from tests.faults.installation import Installation, end, until
from tests.faults.receiver import Receiver


class Site(Installation):
    """An installation whose relay is a `Receiver`; `clients` are those that posted."""

    relay: Receiver
    session: aiohttp.ClientSession

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.clients: list[Client] = []

    def new_client(self) -> Client:
        made = self.client(self.session)
        self.clients.append(made)
        return made

    @property
    def acknowledged(self) -> set[str]:
        return {id_ for client in self.clients for id_ in client.acknowledged}

    async def post_many(self, ids: list[str], batch: int = 100, **fields: Any) -> None:
        client = self.new_client()
        for first in range(0, len(ids), batch):
            await client.post_until_answered(ids[first : first + batch], **fields)

    async def check(self, *, with_reports: bool = False) -> Ledger:
        """The books against everybody's memory; with_reports: wait until all are told."""
        if with_reports:
            await self.until_reported()
        entries = self.application.entries if with_reports else None
        return check_all(
            self.instance.database_path, self.acknowledged, await self.relay.seen(), entries
        )

    async def until_reported(self) -> None:
        """Until the application was told of each event; repeats count once."""
        rows = self.query("SELECT pk FROM events WHERE report_state != 'none'")
        due = {str(row[0]) for row in rows}
        await until(lambda: due <= {entry["event_id"] for entry in self.application.entries})


@pytest.fixture
def site(
    instance: Instance, environ: dict[str, str]
) -> Callable[..., AbstractAsyncContextManager[Site]]:
    """A running installation: `async with site(in_doubt="hold") as site`; fields of the account.

    settings: more of the daemon's environment. application: what takes the reports, and listens.
    """

    @asynccontextmanager
    async def run(
        settings: dict[str, str] | None = None, application: Any = None, **account: Any
    ) -> AsyncIterator[Site]:
        async with (
            Receiver() as relay,
            ReportSink() as reports,
            aiohttp.ClientSession() as session,
        ):
            given = {**environ, **(settings or {})}
            made = Site(instance, given, relay, application or reports)
            made.session = session
            await made.start()
            try:
                await made.prepare(**account)
                yield made
            finally:
                end(instance)

    return run
