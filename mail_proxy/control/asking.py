"""A Control over the control socket that asks with the standard library alone.

A dashboard wants its first numbers at once, and importing httpx takes longer than the daemon needs
to tell them.
"""

from __future__ import annotations

import asyncio
import http.client
import io
from collections.abc import AsyncGenerator
from contextlib import aclosing
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mail_proxy.config.unix_socket import address_of
from mail_proxy.control.quick import answer_of, unreachable
from mail_proxy.control.request import Request, request_for
from mail_proxy.domain.errors import MailProxyError

if TYPE_CHECKING:
    from mail_proxy.control.http import HttpControl


class AskingControl:
    """Questions have a connection of their own each; changes and streams go over HttpControl.

    A question waits for its answer without a limit of its own. One that is given up is given up by
    the daemon too: its connection is closed.
    """

    def __init__(self, socket_path: Path) -> None:
        self._path = socket_path
        self._http: HttpControl | None = None

    async def call(self, command: str, /, **fields: Any) -> dict[str, Any]:
        """Raises NotRunning when nobody listens, and what the daemon failed with."""
        request = request_for(command, fields)
        if request.method != "GET":
            return await (await self._other()).call(command, **fields)
        try:
            with address_of(self._path) as address:
                reader, writer = await asyncio.open_unix_connection(address)
        except OSError as error:
            raise unreachable(self._path, error) from error
        try:
            writer.write(_octets(request))
            return _answer(await reader.read())
        except (OSError, http.client.HTTPException) as error:
            raise MailProxyError("the daemon went away before it answered") from error
        finally:
            writer.close()

    async def stream(self, command: str, /, **fields: Any) -> AsyncGenerator[dict[str, Any], None]:
        """The events of a command that streams, as they come, until the daemon ends it."""
        async with aclosing((await self._other()).stream(command, **fields)) as told:
            async for event in told:
                yield event

    async def _other(self) -> HttpControl:
        if self._http is None:
            module = await asyncio.to_thread(import_module, "mail_proxy.control.http")
            if self._http is None:  # nobody came first meanwhile
                self._http = module.HttpControl(self._path)
        return self._http

    async def aclose(self) -> None:
        if self._http is not None:
            await self._http.aclose()


def _octets(request: Request) -> bytes:
    """RFC 9112, section 3; the daemon closes behind its answer."""
    headers = {"Host": "mail-proxy", "Connection": "close", **request.headers}
    lines = [f"GET {request.target} HTTP/1.1", *(f"{n}: {v}" for n, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


class _Octets:
    """What `http.client` reads from instead of a socket."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._octets)


def _answer(octets: bytes) -> dict[str, Any]:
    """Raises HTTPException for half an answer."""
    response = http.client.HTTPResponse(_Octets(octets))  # type: ignore[arg-type]
    response.begin()
    return answer_of(response)
