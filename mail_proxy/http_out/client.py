"""HTTP calls to URLs that other people chose: bounded in time and bytes."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
from aiohttp.abc import AbstractResolver

from mail_proxy.http_out.allowlist import NOTHING, AllowList
from mail_proxy.http_out.authorization import authorization
from mail_proxy.http_out.download import Download, Wanted, Write
from mail_proxy.http_out.errors import TooLong, Unreachable
from mail_proxy.http_out.guard import check_callback, check_url
from mail_proxy.http_out.resolver import SystemResolver
from mail_proxy.http_out.sentences import in_our_words
from mail_proxy.http_out.sessions import Sessions

MAX_BYTES = 2**20  # of an answer, unless the caller says otherwise
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
        self._sessions = Sessions(allow, resolver or SystemResolver())

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
        await self._sessions.close()

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
        in_clear: bool = False,
    ) -> HttpAnswer:
        """Post `body` (bytes that are JSON already, or a value) and read the whole answer.

        auth: see `authorization`. trusted: the admin set this URL.
        timeout_s: for all of it, from the look-up of the name to the last byte.
        headers: more of them. in_clear: a URL that is not trusted needs no https.
        Raises Blocked, Unreachable, and Invalid for a login that no header can carry.
        """
        if not in_clear:
            check_callback(url, trusted=trusted, allow=self._allow)
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
        check_callback(url, trusted=trusted, allow=self._allow)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        data = urlencode(fields).encode("ascii")
        return await self._post(url, data, headers, trusted, timeout_s, max_bytes)

    async def reach(self, url: str, *, trusted: bool, timeout_s: float) -> int:
        """The status that a HEAD of the URL is answered with; it says nothing of ours.

        Raises as `post_json`.
        """
        target = check_callback(url, trusted=trusted, allow=self._allow)
        session = self._sessions.of(target, trusted=trusted)
        with in_our_words(target, timeout_s):
            async with (
                asyncio.timeout(timeout_s),
                session.head(target, allow_redirects=False) as response,
            ):
                return response.status

    async def download(
        self,
        url: str,
        write: Write,
        *,
        posted: object = None,
        auth: Mapping[str, Any] | None,
        trusted: bool,
        timeout_s: float,
        max_bytes: int,
        follow: int = 0,
    ) -> Download:
        """GET `url`, or POST `posted` as JSON to it, and give its content to `write` as it comes.

        write: is awaited for each piece; what it raises ends the download, and is no OSError.
        timeout_s: for all of it: each look-up, each hop, and the last byte written.
        max_bytes: of the content, also of what is compressed though it was not asked for.
        follow: how many redirects of a GET; each is checked as a tenant's URL, never leaves
        https, and gets no login at another origin.
        With a login or something posted, a URL that is not trusted is https.
        Raises Blocked, TimedOut, TooLong, Unreachable, and Invalid for a login that no header can
        carry.
        """
        login = authorization(auth)
        tells = login is not None or posted is not None
        check = check_callback if tells else check_url
        target = check(url, trusted=trusted, allow=self._allow)
        wanted = Wanted(target, trusted, posted, login, max_bytes, follow)
        with in_our_words(target, timeout_s):
            async with asyncio.timeout(timeout_s):
                while True:
                    with in_our_words(wanted.target, timeout_s):
                        found = await wanted.fetch(self._sessions, write)
                    if isinstance(found, Download):
                        return found
                    wanted = wanted.redirected(found, self._allow)

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
        session = self._sessions.of(target, trusted=trusted)
        sent = {"Accept-Encoding": "identity", **headers}
        with in_our_words(target, timeout_s):
            async with (
                asyncio.timeout(timeout_s),
                session.post(target, data=data, headers=sent, allow_redirects=False) as response,
            ):
                return await _answer(response, max_bytes)


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
    return TooLong(
        f"the answer of {response.url.host} is larger than {max_bytes} bytes",
        status=response.status,
    )
