"""The content of an answer, piece by piece: never more than is allowed, and never a part of it."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace

import aiohttp
from yarl import URL

from mail_proxy.http_out.allowlist import AllowList
from mail_proxy.http_out.errors import Blocked, TooLong, Unreachable
from mail_proxy.http_out.guard import check_url
from mail_proxy.http_out.sessions import Sessions

Write = Callable[[bytes], Awaitable[None]]

_CHUNK = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NO_CONTENT = frozenset({204, 205})
_PARTIAL = 206


@dataclass(frozen=True, slots=True)
class Download:
    """What became of it; nothing is written of an answer that is no success.

    size_bytes: of the content, decompressed. is_empty_file: it is empty, and the server has said
    so: with a length of 0 or a last chunk, not by saying nothing.
    """

    status: int
    size_bytes: int = 0
    is_empty_file: bool = False

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Wanted:
    """One hop of a download: a GET, or a POST of `posted` as JSON.

    target: checked. trusted: the admin set it. login: of the Authorization header.
    follow: how many redirects more.
    """

    target: URL
    trusted: bool
    posted: object
    login: str | None = field(repr=False)
    max_bytes: int
    follow: int

    async def fetch(self, sessions: Sessions, write: Write) -> Download | URL:
        """What came, or where it is said to be. Raises aiohttp's errors too."""
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if self.login is not None:
            headers["Authorization"] = self.login
        async with sessions.of(self.target, trusted=self.trusted).request(
            "GET" if self.posted is None else "POST",
            self.target,
            json=self.posted,
            headers=headers,
            allow_redirects=False,
        ) as response:
            hop = _next_hop(response) if self.follow else None
            return hop or await _receive(response, write, self.max_bytes)

    def redirected(self, location: URL, allow: AllowList) -> Wanted:
        """The next hop; raises Blocked. Whoever redirects is not the admin."""
        hop = check_url(str(location), allow=allow)
        if self.target.scheme == "https" and hop.scheme != "https":
            raise Blocked(f"{self.target.host} redirects from https to http", field="url")
        login = self.login if hop.origin() == self.target.origin() else None
        return replace(self, target=hop, trusted=False, login=login, follow=self.follow - 1)


def _next_hop(response: aiohttp.ClientResponse) -> URL | None:
    """Where a redirect leads, not checked yet; None: it is none.

    Raises Unreachable where that is no URL.
    """
    location = response.headers.get("Location")
    if response.status not in _REDIRECTS or not location:
        return None
    try:
        return response.url.join(URL(location))
    except ValueError:
        raise Unreachable(
            f"{response.url.host} redirects to what is no URL", status=response.status
        ) from None


async def _receive(response: aiohttp.ClientResponse, write: Write, max_bytes: int) -> Download:
    """Write the content of a success. Raises TooLong, Unreachable and aiohttp's errors."""
    status = response.status
    if status == _PARTIAL:
        raise Unreachable(f"{response.url.host} sent a part, and was asked for all", status=status)
    if not 200 <= status < 300 or status in _NO_CONTENT:
        return Download(status)
    if (response.content_length or 0) > max_bytes:
        raise _too_long(response, max_bytes)
    size_bytes = 0
    async for piece in _decoded(response, max_bytes):
        size_bytes += len(piece)
        if size_bytes > max_bytes:
            raise _too_long(response, max_bytes)
        await write(piece)
    return Download(status, size_bytes, not size_bytes and _says_its_length(response))


def _says_its_length(response: aiohttp.ClientResponse) -> bool:
    is_chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    return is_chunked or "Content-Length" in response.headers


async def _decoded(response: aiohttp.ClientResponse, max_bytes: int) -> AsyncIterator[bytes]:
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        async for chunk in response.content.iter_chunked(_CHUNK):
            yield chunk
    elif encoding in ("gzip", "x-gzip", "deflate"):
        # Not asked for; but files that are stored so are often sent so, whatever was asked for.
        async for chunk in _inflated(response, max_bytes):
            yield chunk
    else:
        raise Unreachable(
            f"{response.url.host} sent a content encoding that was not asked for",
            status=response.status,
        )


async def _inflated(response: aiohttp.ClientResponse, max_bytes: int) -> AsyncIterator[bytes]:
    inflate = zlib.decompressobj(wbits=47)  # gzip or zlib
    came = 0
    try:
        async for chunk in response.content.iter_chunked(_CHUNK):
            came += len(chunk)
            if came > max_bytes:  # empty members cost nothing to send
                raise _too_long(response, max_bytes)
            rest = chunk
            while rest:
                if inflate.eof:  # another member follows (RFC 1952 section 2.2)
                    inflate = zlib.decompressobj(wbits=47)
                yield inflate.decompress(rest, _CHUNK)
                rest = inflate.unconsumed_tail or inflate.unused_data
        if not inflate.eof:
            yield inflate.flush()
    except zlib.error as error:
        raise _damaged(response) from error
    if came and not inflate.eof:
        raise _damaged(response)


def _damaged(response: aiohttp.ClientResponse) -> Unreachable:
    host = response.url.host
    return Unreachable(f"{host} sent compressed content that is damaged", status=response.status)


def _too_long(response: aiohttp.ClientResponse, max_bytes: int) -> TooLong:
    host = response.url.host
    return TooLong(f"the answer of {host} is larger than {max_bytes} bytes", status=response.status)
