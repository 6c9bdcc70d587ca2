"""Every asynchronous test here runs on both loops: they differ in transports, in TLS above all."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import uvloop

from mail_proxy.config.settings import DeliverySettings
from mail_proxy.sinks.certificates import Authority
from mail_proxy.sinks.smtp import SmtpSink
from mail_proxy.smtp import Means, Relay, SMTPPool
from tests.patience import PATIENCE_S

MESSAGE = b"Subject: hello\r\nX-Genro-Mail-ID: m1\r\n\r\nHow are you?\r\n"


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class HandClock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def dice(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def message() -> bytes:
    return MESSAGE


@dataclass(frozen=True)
class Certificates:
    """Contexts of servers whose certificates are good, old, or for another name."""

    good: ssl.SSLContext
    expired: ssl.SSLContext
    other_name: ssl.SSLContext
    trusting: Callable[[], ssl.SSLContext]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    authority = Authority(tmp_path_factory.mktemp("certificates"))
    return Certificates(
        good=authority.server("localhost"),
        expired=authority.server("localhost", days=-1),
        other_name=authority.server("elsewhere.invalid"),
        trusting=authority.trusting,
    )


@pytest.fixture
def relay_to() -> Callable[..., Relay]:
    """Make the relay of a sink; fields of Relay may be given."""

    def make(sink: Any, **fields: Any) -> Relay:
        chosen = {"tenant_id": "t", "account_id": "a", "host": "localhost", "tls_mode": "auto"}
        return Relay(**{**chosen, "port": sink.port, **fields})

    return make


@pytest.fixture
async def open_pool(
    clock: HandClock, certificates: Certificates
) -> AsyncIterator[Callable[..., SMTPPool]]:
    """Make a pool with these settings; it is closed at the end."""
    pools = []

    def make(*, means: Means | None = None, **settings: Any) -> SMTPPool:
        means = means or Means(tls=certificates.trusting)
        pools.append(SMTPPool(DeliverySettings(**settings), clock=clock, means=means))
        return pools[-1]

    yield make
    for pool in pools:
        await pool.close()


@pytest.fixture
async def sink() -> AsyncIterator[SmtpSink]:
    async with SmtpSink() as opened:
        yield opened


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Let the loop run until a condition holds: it waits for what happens, not for time."""

    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 - any event of the loop may make it true
                await asyncio.sleep(0)

    return wait


class RawServer:
    """A server that says what a test writes for it."""

    def __init__(self) -> None:
        self.port = 0
        self.heard = b""


@pytest.fixture
def raw_server() -> Callable[..., Any]:
    """Serve connections with `talk(reader, writer)`, then wait for QUIT; if rude, not even that."""

    @asynccontextmanager
    async def serve(
        talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any], *, rude: bool = False
    ) -> AsyncIterator[RawServer]:
        server = RawServer()
        tasks = set()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tasks.add(asyncio.current_task())
            try:
                await talk(reader, writer)
                while data := await reader.read(65536):
                    server.heard += data
                    if data.endswith(b"QUIT\r\n") and not rude:
                        break
            except OSError:
                pass  # the client aborted, as tests want it to
            finally:
                writer.close()

        listening = await asyncio.start_server(handle, "127.0.0.1", 0)
        server.port = listening.sockets[0].getsockname()[1]
        try:
            yield server
        finally:
            listening.close()
            if tasks:
                async with asyncio.timeout(PATIENCE_S):
                    await asyncio.wait(tasks)

    return serve
