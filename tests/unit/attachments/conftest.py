from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from mail_proxy.attachments import AttachmentManager, Origin
from mail_proxy.config.settings import AttachmentSettings, CacheSettings
from mail_proxy.domain.attachment import Attachment, Mode
from mail_proxy.domain.clock import SystemClock
from mail_proxy.http_out import AllowList, OutgoingHttp
from mail_proxy.observe.metrics import MailMetrics

LOOPBACK = AllowList.of(["127.0.0.1"])
Handler = Callable[[web.Request], "asyncio.Future[web.StreamResponse]"]


class SetClock(SystemClock):
    """The machine's, moved on by hand."""

    def __init__(self) -> None:
        self.moved_s = 0.0

    def now(self) -> float:
        return super().now() + self.moved_s

    def monotonic(self) -> float:
        return super().monotonic() + self.moved_s


@dataclass
class FileServer:
    """Answers each path as it is told to; counts who asks."""

    files: dict[str, bytes] = field(default_factory=dict)
    handlers: dict[str, Handler] = field(default_factory=dict)
    requests: list[web.Request] = field(default_factory=list)
    posted: list[object] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if request.method == "POST":
            self.posted.append(await request.json())
        if request.path in self.handlers:
            return await self.handlers[request.path](request)
        if request.path not in self.files:
            return web.Response(status=404, text="no such thing")
        return web.Response(body=self.files[request.path])


@pytest.fixture
async def server() -> AsyncIterator[FileServer]:
    server = FileServer()
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    yield server
    server.release.set()
    await runner.cleanup()


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def open_manager(tmp_path, clock):
    """Managers over one state folder."""

    @asynccontextmanager
    async def opened(
        settings: AttachmentSettings | None = None,
        cache: CacheSettings | None = None,
        *,
        allow: AllowList = LOOPBACK,
    ) -> AsyncIterator[AttachmentManager]:
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(OutgoingHttp(allow=allow))
            yield await stack.enter_async_context(
                AttachmentManager(
                    http,
                    settings or AttachmentSettings(),
                    cache or CacheSettings(),
                    tmp_path,
                    clock=clock,
                    metrics=MailMetrics().cache,
                )
            )

    return opened


@pytest.fixture
async def manager(open_manager) -> AsyncIterator[AttachmentManager]:
    async with open_manager() as manager:
        yield manager


@pytest.fixture
def origin(server, tmp_path) -> Origin:
    folder = tmp_path / "attachments" / "acme"
    folder.mkdir(parents=True)
    return Origin("acme", client_base_url=server.url(""), folders=(folder,))


def by_url(url: str, **more: object) -> Attachment:
    return Attachment("a.bin", Mode.HTTP_URL, url, **more)  # type: ignore[arg-type]


def left(tmp_path: Path) -> list[str]:
    """Files that are held for mails."""
    return sorted(path.name for path in (tmp_path / "cache" / "fetched").iterdir())
