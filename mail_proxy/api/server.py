"""The API on its two sockets: TCP with tokens, and the instance's own file without."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from aiohttp import web

from mail_proxy.api import answers
from mail_proxy.api.app import Door, build_app
from mail_proxy.api.bodies import Bodies
from mail_proxy.api.listen import host_and_port, listen_tcp
from mail_proxy.config.settings import HttpSettings, Settings
from mail_proxy.config.unix_socket import listening
from mail_proxy.domain.errors import Malformed
from mail_proxy.operations.chance import new_request_id
from mail_proxy.wire.caller import LOCAL
from mail_proxy.wire.request_id import HEADER

_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


class ApiServer:
    """Listens from `start` to `stop`; `url` is good in between.

    tcp: a listening socket, which becomes the server's own; None: one as the settings say.
    """

    def __init__(self, door: Door, settings: Settings, tcp: socket.socket | None = None) -> None:
        self._door = door
        self._http = settings.http
        self._tcp = tcp
        self._socket_path = settings.socket_path
        self._folder = settings.state_dir
        self._port = 0
        self._opened = AsyncExitStack()

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        """Where a program on this machine reaches the API."""
        host = _WILDCARDS.get(self._http.host, self._http.host)
        return f"http://{host_and_port(host, self._port)}"

    async def start(self) -> None:
        """Raises ConfigurationError when an address cannot be had; then nothing listens."""
        async with AsyncExitStack() as opened:
            tcp = self._tcp
            if tcp is None:
                tcp = await asyncio.to_thread(listen_tcp, self._http.host, self._http.port)
            opened.callback(tcp.close)
            local = opened.enter_context(listening(self._socket_path))
            bodies = Bodies(self._http, self._folder)
            await _serve(opened, tcp, build_app(self._door, self._http, bodies), self._http)
            local_app = build_app(self._door, self._http, bodies, caller=LOCAL)
            await _serve(opened, local, local_app, self._http)
            self._port = tcp.getsockname()[1]
            self._opened = opened.pop_all()

    async def stop(self) -> None:
        """Take no more connections, let running requests end, close."""
        await self._opened.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()


async def _serve(
    opened: AsyncExitStack, listener: socket.socket, app: web.Application, http: HttpSettings
) -> None:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=http.stop_grace_s)
    await runner.setup()
    opened.push_async_callback(runner.cleanup)
    manager = runner.server
    assert manager is not None
    loop = asyncio.get_running_loop()

    def connection() -> _Connection:
        return _Connection(
            manager,
            loop=loop,
            # Also ends a connection whose first request never becomes whole.
            keepalive_timeout=http.keepalive_s,
            tcp_keepalive=listener.family != socket.AF_UNIX,
            access_log=None,  # type: ignore[arg-type]  # what `web.AppRunner` passes for none
            auto_decompress=False,
        )

    if listener.family == socket.AF_UNIX:
        server = await loop.create_unix_server(connection, sock=listener)
    else:
        server = await loop.create_server(connection, sock=listener)
    opened.callback(server.close)


class _Connection(web.RequestHandler):
    """Answers in JSON also to what is no HTTP at all."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """`message` quotes what was sent, so it is not repeated."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is already on its way")
        if status >= 500:
            return super().handle_error(request, status, exc, message)
        response = answers.as_json(_NO_HTTP, status)
        response.headers[HEADER] = new_request_id()
        response.force_close()
        return response


_NO_HTTP = {
    "ok": False,
    "error": "this is not an HTTP request that can be read",
    "detail": "Bad Request",
    "code": Malformed.code,
}
