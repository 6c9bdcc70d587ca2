from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from mail_proxy.config.settings import Settings
from mail_proxy.sinks.reports import ReportSink
from mail_proxy.sinks.smtp import SmtpSink
from tests.patience import PATIENCE_S


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        name="myserver",
        state_dir=tmp_path,
        database=str(tmp_path / "queue.db"),
        encryption_key=bytes(32),
    )


@pytest.fixture
async def sink() -> AsyncIterator[SmtpSink]:
    async with SmtpSink() as opened:
        yield opened


@pytest.fixture
async def receiver() -> AsyncIterator[ReportSink]:
    async with ReportSink() as opened:
        yield opened


@pytest.fixture
def eventually() -> Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]:
    """Ask again until it is true, for at most five seconds."""

    async def ask(is_so: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not await is_so():  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.005)

    return ask
