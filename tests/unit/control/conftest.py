"""A daemon's API on a thread of its own, in front of a scripted `MailProxy`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.api import ApiServer
from mail_proxy.config.instances import Instance
from mail_proxy.config.settings import HttpSettings, Settings
from mail_proxy.wire.caller import ADMIN, NOBODY, Caller
from tests.patience import PATIENCE_S

TOKEN = "mp_admin"

Answer = dict[str, Any] | BaseException


class FakeDoor:
    """Keeps what it was asked; answers what it was told to, or raises it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any] | None, Caller]] = []
        self.answer: Answer | Callable[[], Awaitable[dict[str, Any]]] = {"ok": True}

    async def open_answer(
        self, name: str, payload: dict[str, Any] | None, caller: Caller
    ) -> dict[str, Any]:
        self.calls.append((name, payload, caller))
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer if isinstance(self.answer, dict) else await self.answer()

    async def admit(self, token: str | None, address: str) -> Caller:
        return await self.authenticate(token)

    async def authenticate(self, token: str | None) -> Caller:
        return ADMIN if token == TOKEN else NOBODY


class Daemon:
    """Starts and stops the API of one instance from any thread."""

    def __init__(self, settings: Settings) -> None:
        self.door = FakeDoor()
        self.settings = settings
        self.url = ""

    @contextmanager
    def running(self) -> Iterator[None]:
        started, stop = threading.Event(), asyncio.Event()
        loops: list[asyncio.AbstractEventLoop] = []

        async def serve() -> None:
            loops.append(asyncio.get_running_loop())
            async with ApiServer(self.door, self.settings) as server:
                self.url = server.url
                started.set()
                await stop.wait()

        thread = threading.Thread(target=lambda: asyncio.run(serve()))
        thread.start()
        try:
            assert started.wait(PATIENCE_S)
            yield
        finally:
            loops[0].call_soon_threadsafe(stop.set)
            thread.join()


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return Instance("test", tmp_path)


@pytest.fixture
def settings(instance: Instance) -> Settings:
    return Settings(
        name=instance.name,
        state_dir=instance.folder,
        database=str(instance.database_path),
        http=HttpSettings(port=0, stop_grace_s=0.1),
    )


@pytest.fixture
def stopped(settings: Settings) -> Daemon:
    """A daemon that does not run yet."""
    return Daemon(settings)


@pytest.fixture
def daemon(stopped: Daemon) -> Iterator[Daemon]:
    with stopped.running():
        yield stopped


@pytest.fixture
def door(daemon: Daemon) -> FakeDoor:
    return daemon.door
