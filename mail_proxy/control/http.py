"""A Control over HTTP, for the dashboard, the REPL and scripts: TCP with a token, or the socket."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from mail_proxy.config.unix_socket import address_of
from mail_proxy.control import event_stream
from mail_proxy.control.event_stream import EventReader
from mail_proxy.control.request import answer_from, request_for
from mail_proxy.domain.errors import ConfigurationError, MailProxyError, NotRunning
from mail_proxy.wire.request_id import HEADER

TIMEOUT_S = 60.0  # without a byte; a check of an account may take 30 s
_CONNECT_S = 5.0


class HttpControl:
    """Reaches one daemon; connections are kept alive and shared by concurrent calls.

    where: a base URL such as `http://127.0.0.1:8000`, or the path of a control socket, which needs
    no token. Redirects are not followed and proxies of the environment not used: the token goes
    to that address alone.
    """

    def __init__(
        self, where: str | Path, token: str | None = None, *, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._where = str(where)
        self._timeout_s = timeout_s
        self._opened = ExitStack()
        headers = {} if token is None else {"X-API-Token": _checked(token)}
        self._client = httpx.AsyncClient(
            base_url="http://mail-proxy" if isinstance(where, Path) else _base_url(where),
            headers=headers,
            transport=self._transport(where),
            timeout=httpx.Timeout(timeout_s, connect=_CONNECT_S),
            trust_env=False,
        )

    def _transport(self, where: str | Path) -> httpx.AsyncHTTPTransport:
        if isinstance(where, str):
            return httpx.AsyncHTTPTransport(trust_env=False)
        try:
            return httpx.AsyncHTTPTransport(uds=self._opened.enter_context(address_of(where)))
        except OSError as error:
            raise NotRunning(f"no daemon answers at {where}") from error

    async def call(self, command: str, /, **fields: Any) -> dict[str, Any]:
        """Raises NotRunning when nobody listens, and what the daemon failed with."""
        request = request_for(command, fields)
        try:
            response = await self._client.request(
                request.method, request.target, content=request.body, headers=request.headers
            )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NotRunning(f"no daemon answers at {self._where}") from error
        except httpx.TimeoutException as error:
            raise MailProxyError(
                f"{self._where} did not answer within {self._timeout_s:g} s",
                hint="the command may have run all the same",
            ) from error
        except httpx.HTTPError as error:
            raise MailProxyError(
                f"{self._where} went away before it answered",
                hint="the command may have run all the same",
            ) from error
        return answer_from(
            response.status_code,
            response.headers.get("Content-Type", ""),
            response.content,
            request_id=response.headers.get(HEADER, ""),
        )

    async def stream(self, command: str, /, **fields: Any) -> AsyncGenerator[dict[str, Any], None]:
        """The events of a command that streams, as they come, until the daemon ends it.

        Raises what `call` raises; MailProxyError also when the daemon goes away meanwhile.
        """
        request = request_for(command, fields)
        reader = EventReader()
        try:
            async with self._client.stream(
                request.method, request.target, headers=request.headers
            ) as response:
                kind = response.headers.get("Content-Type", "")
                if response.status_code != 200 or not kind.startswith(event_stream.KIND):
                    yield answer_from(
                        response.status_code,
                        kind,
                        await response.aread(),
                        request_id=response.headers.get(HEADER, ""),
                    )
                    return
                async for part in response.aiter_bytes():
                    for event in reader.feed(part):
                        yield event
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NotRunning(f"no daemon answers at {self._where}") from error
        except httpx.HTTPError as error:
            raise MailProxyError(f"{self._where} went away while it told events") from error

    async def aclose(self) -> None:
        await self._client.aclose()
        self._opened.close()


def _base_url(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ConfigurationError(f"'{url}' is not a URL: {error}") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ConfigurationError(f"'{url}' is not a URL of a daemon", hint="http://127.0.0.1:8000")
    return parsed


def _checked(token: str) -> str:
    if not token.isascii() or not token.isprintable():
        raise ConfigurationError("the token holds characters that no token has")
    return token
