"""Clients that post: prebuilt HTTP/1.1 requests over kept connections, as cheap as can be.

Their time is taken from the cores that the daemon runs on. Each answer is checked all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, cast

from mail_proxy.bench.attached import as_base64, posted_with
from mail_proxy.bench.children import Verb
from mail_proxy.bench.letter import posted
from mail_proxy.bench.plan import BenchFailed

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_PATIENCE_S = 600.0


@contextlib.asynccontextmanager
async def verbs(host: str, port: str, token: str) -> AsyncIterator[Mapping[str, Verb]]:
    async def post(**fields: Any) -> dict[str, Any]:
        return await _post((host, int(port)), token, **fields)

    async def get(path: str, count: int) -> dict[str, Any]:
        head = f"GET {path} HTTP/1.1\r\nHost: bench\r\nX-API-Token: {token}\r\n\r\n"
        return await _run((host, int(port)), iter([head.encode()] * count), 1, None, 0.0)

    async def post_attached(**fields: Any) -> dict[str, Any]:
        return await _post_attached((host, int(port)), token, **fields)

    yield {"post": post, "get": get, "post_attached": post_attached}


async def _post(
    address: tuple[str, int],
    token: str,
    *,
    first: int,
    count: int,
    batch: int,
    clients: int,
    account: str,
    pause_s: float = 0.0,
    prebuilt: bool = True,
) -> dict[str, Any]:
    """Post `count` messages, numbered from `first`, `batch` in one request.

    pause_s: between an answer and the client's next request.
    prebuilt: before the time is taken; else as they go, for more than memory would hold.
    """
    requests = (
        _request(token, account, range(n, min(n + batch, first + count)))
        for n in range(first, first + count, batch)
    )
    source = iter(list(requests)) if prebuilt else requests
    return await _run(address, source, clients, batch, pause_s)


def _request(token: str, account: str, numbers: range) -> bytes:
    return _add_messages(token, [posted(n, account) for n in numbers])


async def _post_attached(
    address: tuple[str, int],
    token: str,
    *,
    first: int,
    count: int,
    clients: int,
    account: str,
    path: str | None,
    size_bytes: int,
    content_md5: str | None,
) -> dict[str, Any]:
    """Each with one attachment; path: None for base64 of so many bytes."""
    place = as_base64(size_bytes, "posted") if path is None else path
    requests = (
        _add_messages(token, [posted_with(n, account, place, content_md5=content_md5)])
        for n in range(first, first + count)
    )
    return await _run(address, requests, clients, 1, 0.0)


def _add_messages(token: str, messages: list[bytes]) -> bytes:
    body = b'{"messages":[' + b",".join(messages) + b"]}"
    head = (
        "POST /commands/add-messages HTTP/1.1\r\nHost: bench\r\n"
        f"X-API-Token: {token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _run(
    address: tuple[str, int],
    requests: Iterator[bytes],
    clients: int,
    queued: int | None,
    pause_s: float,
) -> dict[str, Any]:
    """elapsed_s; began: by the monotonic clock, and took_s, of each request, in order."""
    began: list[float] = []
    took_s: list[float] = []
    opened = [_Client(requests, queued, pause_s, began, took_s) for _ in range(clients)]
    try:
        for client in opened:
            await _connect(client, address)
        start = time.perf_counter()
        async with asyncio.timeout(_PATIENCE_S):
            for client in opened:
                client.go_on()
            await asyncio.gather(*(client.done for client in opened))
        elapsed_s = time.perf_counter() - start
    finally:
        for client in opened:
            client.close()
    return {"elapsed_s": elapsed_s, "began": began, "took_s": took_s}


async def _connect(client: _Client, address: tuple[str, int]) -> None:
    await asyncio.get_running_loop().create_connection(lambda: client, *address)


class _Client(asyncio.Protocol):
    """One connection; the next request follows its answer. All share one stock of requests."""

    def __init__(
        self,
        requests: Iterator[bytes],
        queued: int | None,
        pause_s: float,
        began: list[float],
        took_s: list[float],
    ) -> None:
        """queued: what each answer has to say; None: any answer with 200 is good."""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._queued = queued
        self._pause_s = pause_s
        self._began = began
        self._took_s = took_s
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._size = 0  # of the whole answer, once its head is there
        self._started = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def go_on(self) -> None:
        assert self._transport is not None
        request = next(self._requests, None)
        if request is None:
            self._end(None)
            return
        self._started = time.monotonic()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self._size:
            end = self._buffer.find(_HEAD_END)
            if end < 0:
                return
            self._size = end + len(_HEAD_END) + _length(self._buffer[:end])
        if len(self._buffer) >= self._size:
            self._answered()

    def _answered(self) -> None:
        self._began.append(self._started)
        self._took_s.append(time.monotonic() - self._started)
        answer, self._buffer, self._size = self._buffer, b"", 0
        if not answer.startswith(b"HTTP/1.1 200") or not self._says_queued(answer):
            self._end(BenchFailed(f"not what was asked for: {answer[:500].decode()}"))
        elif self._pause_s:
            asyncio.get_running_loop().call_later(self._pause_s, self.go_on)
        else:
            self.go_on()

    def _says_queued(self, answer: bytes) -> bool:
        if self._queued is None:
            return True
        told = json.loads(answer[answer.index(_HEAD_END) :])
        return told["queued"] == self._queued and not told["rejected"]

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(BenchFailed(f"the daemon closed the connection: {exc or 'no reason given'}"))

    def _end(self, error: BenchFailed | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)

    def close(self) -> None:
        if not self.done.done():
            self.done.cancel()
        if self._transport is not None:
            self._transport.abort()


def _length(head: bytes) -> int:
    """Of the body. Raises BenchFailed without Content-Length, which all our answers have."""
    start = head.lower().find(_LENGTH)
    if start < 0:
        raise BenchFailed("an answer without Content-Length")
    return int(head[start + len(_LENGTH) :].split(b"\r\n", 1)[0])
