"""HTTP calls to URLs that other people chose: bounded in time and bytes, without redirects.

No proxies from the environment, no cookies, no credentials from files.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from mail_proxy import __version__
from mail_proxy.http_out.allowlist import NOTHING, AllowList
from mail_proxy.http_out.authorization import authorization
from mail_proxy.http_out.errors import Unreachable
from mail_proxy.http_out.guard import blocked, check_url, why_forbidden
from mail_proxy.http_out.resolver import GuardedResolver, SystemResolver

MAX_BYTES = 2**20  # of an answer, unless the caller says otherwise
MAX_CONNECTIONS = 200
# Applications of many tenants share a host, and waiting for a connection counts against the
# deadline: with 8, as many tenants that hang made all others of their host late.
MAX_CONNECTIONS_PER_HOST = 100
KEEP_ALIVE_S = 4.0  # many servers close after 5 s: be first, or a post meets a closed door
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """headers: looked up in any case. body: decompressed, at most `max_bytes`."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class OutgoingHttp:
    """The client; use as `async with OutgoingHttp() as http`, or close it.

    allow: what tenants may call although the guard forbids it.
    resolver: looks names up; the machine's own when None. It is closed with the client.
    """

    def __init__(
        self, *, allow: AllowList = NOTHING, resolver: AbstractResolver | None = None
    ) -> None:
        self._allow = allow
        self._resolver = resolver or SystemResolver()
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close what is open. Once is enough; again does no harm."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()
        await self._resolver.close()

    async def post_json(
        self,
        url: str,
        body: bytes | object,
        *,
        auth: Mapping[str, Any] | None,
        trusted: bool,
        timeout_s: float,
        max_bytes: int = MAX_BYTES,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Post `body` (bytes that are JSON already, or a value) and read the whole answer.

        auth: see `authorization`. trusted: the admin set this URL.
        timeout_s: for all of it, from the look-up of the name to the last byte.
        headers: more of them.
        Raises Blocked, Unreachable, and Invalid for a login that no header can carry.
        """
        login = authorization(auth)
        sent = {
            "Content-Type": "application/json",
            **(headers or {}),
            **({} if login is None else {"Authorization": login}),
        }
        data = body if isinstance(body, bytes) else json.dumps(body, allow_nan=False).encode()
        return await self._post(url, data, sent, trusted, timeout_s, max_bytes)

    async def post_form(
        self,
        url: str,
        fields: Mapping[str, str],
        *,
        trusted: bool,
        timeout_s: float,
        max_bytes: int = MAX_BYTES,
    ) -> HttpAnswer:
        """The same with the fields of a form, as token endpoints take them."""
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        data = urlencode(fields).encode("ascii")
        return await self._post(url, data, headers, trusted, timeout_s, max_bytes)

    async def _post(
        self,
        url: str,
        data: bytes,
        headers: dict[str, str],
        trusted: bool,
        timeout_s: float,
        max_bytes: int,
    ) -> HttpAnswer:
        target = check_url(url, trusted=trusted, allow=self._allow)
        # A name that the admin has allowed is as good as a URL that the admin has set.
        is_free = trusted or self._allow.has_host(target.raw_host or "")
        sent = {"Accept-Encoding": "identity", **headers}
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._session(is_free).post(
                    target, data=data, headers=sent, allow_redirects=False
                ) as response,
            ):
                return await _answer(response, max_bytes)
        except TimeoutError as error:
            raise Unreachable(f"{target.host} gave no answer within {timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(_sentence(target, error)) from error

    def _session(self, is_free: bool) -> aiohttp.ClientSession:
        """Two pools: else a tenant could use a connection that was opened for the admin's URL."""
        if is_free not in self._sessions:
            connector = (
                _connector(self._resolver)
                if is_free
                else _connector(
                    GuardedResolver(self._resolver, self._allow),
                    socket_factory=self._guarded_socket,
                )
            )
            self._sessions[is_free] = _session(connector)
        return self._sessions[is_free]

    def _guarded_socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """The last wall: whatever led here, nothing connects to a forbidden address."""
        family, kind, proto, _, address = info
        forbidden = why_forbidden(str(address[0]), self._allow)
        if forbidden:
            raise blocked(str(address[0]), f"it is {forbidden}", self._allow)
        return socket.socket(family, kind, proto)


def _connector(resolver: AbstractResolver, **options: Any) -> aiohttp.TCPConnector:
    return aiohttp.TCPConnector(
        resolver=resolver,
        use_dns_cache=False,  # a cached answer would outlive its check
        limit=MAX_CONNECTIONS,
        limit_per_host=MAX_CONNECTIONS_PER_HOST,
        keepalive_timeout=KEEP_ALIVE_S,
        **options,
    )


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"mail-proxy/{__version__}"},
        timeout=aiohttp.ClientTimeout(total=None),  # each call has a deadline of its own
        auto_decompress=False,  # `_plain` does it within the byte limit
        trust_env=False,
    )


async def _answer(response: aiohttp.ClientResponse, max_bytes: int) -> HttpAnswer:
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(response, max_bytes)
    plain = _plain(bytes(body), response.headers.get("Content-Encoding", ""), max_bytes)
    if plain is None:
        raise _too_large(response, max_bytes)
    return HttpAnswer(response.status, response.headers.copy(), plain)


def _plain(body: bytes, encoding: str, max_bytes: int) -> bytes | None:
    """Undo gzip or deflate, which we did not ask for; None when it is too large.

    What is damaged, or encoded otherwise, is left as it came.
    """
    if encoding.strip().lower() not in ("gzip", "deflate"):
        return body
    try:
        plain = zlib.decompressobj(wbits=47).decompress(body, max_bytes + 1)
    except zlib.error:
        return body
    return plain if len(plain) <= max_bytes else None


def _too_large(response: aiohttp.ClientResponse, max_bytes: int) -> Unreachable:
    return Unreachable(
        f"the answer of {response.url.host} is larger than {max_bytes} bytes",
        status=response.status,
    )


def _sentence(target: URL, error: Exception) -> str:
    """Why there was no answer, in our words: foreign text may hold anything."""
    host = target.host
    match error:
        case aiohttp.ClientConnectorCertificateError() | ssl.SSLCertVerificationError():
            return f"the certificate of {host} is not valid"
        case aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            return f"no TLS connection to {host}"
        case aiohttp.ClientConnectorDNSError():
            return f"there is no address for {host}"
        case aiohttp.ClientConnectorError():
            return f"no connection to {host}: {error.strerror or 'it failed'}"
        case aiohttp.InvalidURL():
            return f"{host} is no host that can be called"
        case aiohttp.ClientResponseError():
            return f"{host} did not answer in HTTP"
        case _:
            return f"{host} closed the connection before its answer was complete"
