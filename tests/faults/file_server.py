"""A tenant's own server: files by GET and POST, each request counted; it takes the reports too."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

from mail_proxy.sinks.reports import PATH
from tests.faults.installation import until

ENDPOINT = "/mail-proxy/attachments"
OUTSIDE = "127.0.0.2"  # it listens there too, for those who must not be sent there
MAX_POST_BYTES = 64 * 2**20
_ENDING_S = 0.5
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class FileServer:
    """Listens from `async with` on until its end.

    files: by the path of a GET, or the storage_path of a POST. handlers: for GETs, instead.
    logins: the `Authorization` that a file wants; without it 401 is answered.
    asked: by path and by storage_path. outside: paths that were asked for at OUTSIDE.
    poured: octets that left, by path. entries: of the delivery reports.
    """

    host = "127.0.0.1"
    files: dict[str, bytes] = field(default_factory=dict)
    handlers: dict[str, Handler] = field(default_factory=dict)
    logins: dict[str, str] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    poured: Counter[str] = field(default_factory=Counter)
    outside: list[str] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0
    _ends: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def base_url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def put(self, path: str, content: bytes, *, login: str | None = None) -> str:
        """Serve it; its URL."""
        self.files[path] = content
        if login is not None:
            self.logins[path] = login
        return self.base_url + path

    def handle(self, path: str, handler: Handler) -> str:
        self.handlers[path] = handler
        return self.base_url + path

    async def wait_for(self, n: int) -> None:
        """Until so many reports in all have come. Raises TimeoutError."""
        await until(lambda: len(self.entries) >= n)

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=MAX_POST_BYTES)
        app.router.add_get("/{path:.*}", self._get)
        app.router.add_post(PATH, self._take_report)
        app.router.add_post("/{path:.*}", self._post)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_ENDING_S)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, 0).start()
        self.port = self._runner.addresses[0][1]
        await web.TCPSite(self._runner, OUTSIDE, self.port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ends.set()
        await self._runner.cleanup()

    async def _get(self, request: web.Request) -> web.StreamResponse:
        self.asked[request.path] += 1
        if request.url.host == OUTSIDE:
            self.outside.append(request.path)
        if request.path in self.handlers:
            return await self.handlers[request.path](request)
        return self._file(request, request.path)

    async def _post(self, request: web.Request) -> web.StreamResponse:
        wanted = (await request.json())["storage_path"]
        self.asked[wanted] += 1
        return self._file(request, wanted)

    def _file(self, request: web.Request, name: str) -> web.Response:
        if name not in self.files:
            return web.Response(status=404, text="no such thing")
        if self.logins.get(name) != request.headers.get("Authorization"):
            return web.Response(status=401, text="who are you?")
        return web.Response(body=self.files[name])

    async def _take_report(self, request: web.Request) -> web.Response:
        self.entries.extend((await request.json()).get("delivery_report", []))
        return web.json_response({"ok": True})

    # --- faults ---

    def status(self, path: str, *statuses: int) -> str:
        """So the first answers are, the last of them for good; 200 serves the file."""
        left = list(statuses)

        async def answer(request: web.Request) -> web.StreamResponse:
            status = left.pop(0) if len(left) > 1 else left[0]
            return self._file(request, path) if status == 200 else web.Response(status=status)

        return self.handle(path, answer)

    def redirect(self, path: str, to: str) -> str:
        async def answer(request: web.Request) -> web.StreamResponse:
            return web.Response(status=302, headers={"Location": to})

        return self.handle(path, answer)

    def hang(self, path: str) -> str:
        async def answer(request: web.Request) -> web.StreamResponse:
            await self._ends.wait()
            return web.Response()

        return self.handle(path, answer)

    def pour(self, path: str, announced: int | None, sent: int, *, drip_s: float = 0.0) -> str:
        """So many octets in pieces, whatever was announced; drip_s: one by one, that far apart."""

        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            if announced is None:
                response.enable_chunked_encoding()
            else:
                response.content_length = announced
            await response.prepare(request)
            piece = 1 if drip_s else 2**16
            left = sent
            while left and not self._ends.is_set():
                await response.write(bytes(min(piece, left)))
                left -= min(piece, left)
                self.poured[path] = sent - left
                await asyncio.sleep(drip_s)
            if announced is not None and sent < announced and request.transport is not None:
                request.transport.close()
            return response

        return self.handle(path, answer)


def basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
