"""A running instance with a mail server and an application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from mail_proxy.config.instances import Instance
from mail_proxy.sinks.reports import ReportSink
from mail_proxy.sinks.smtp import SmtpSink
from tests.faults.installation import Installation


@pytest.fixture
def running(
    instance: Instance, environ: dict[str, str]
) -> Callable[..., AbstractAsyncContextManager[Installation]]:
    """A running instance with one tenant and one account, given its fields.

    settings: more of the daemon's environment. application: what takes the reports, and listens.
    """

    @asynccontextmanager
    async def run(
        settings: dict[str, str] | None = None, application: Any = None, **account: Any
    ) -> AsyncIterator[Installation]:
        async with SmtpSink() as relay, ReportSink() as reports:
            given = {**environ, **(settings or {})}
            main = Installation(instance, given, relay, application or reports)
            await main.start()
            try:
                await main.prepare(**account)
                yield main
            finally:
                await main.stop()

    return run
