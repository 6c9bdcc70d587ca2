"""Instances in a folder of their own, whose daemons are ended with the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.config.instances import Instance
from mail_proxy.sinks.reports import ReportSink
from mail_proxy.sinks.smtp import SmtpSink
from tests.faults.installation import Installation, end, environment


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment of the daemons: nothing of ours but the home."""
    return environment(tmp_path / "home")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    """Not made yet; its daemon, if a test leaves one, is ended."""
    made = Instance("myserver", tmp_path / "home" / "myserver")
    yield made
    end(made)


@pytest.fixture
def running(
    instance: Instance, environ: dict[str, str]
) -> Callable[..., AbstractAsyncContextManager[Installation]]:
    """A running instance with one tenant and one account; `relay` may be another server."""

    @asynccontextmanager
    async def run(**account: Any) -> AsyncIterator[Installation]:
        async with SmtpSink() as relay, ReportSink() as application:
            main = Installation(instance, environ, relay, application)
            await main.start()
            try:
                await main.prepare(**account)
                yield main
            finally:
                await main.stop()

    return run
