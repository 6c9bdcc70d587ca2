"""The bodies of requests on their way in: small ones in memory, large ones in files.

A large body lies in a file without a name until it is whole and its turn has come. So many of them
at once, or one that comes a byte at a time, cost room on the disk, and hold nobody up.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from aiohttp import web
from typing_extensions import Buffer

from mail_proxy.api import json
from mail_proxy.api.budget import SMALL_BYTES, BodyBudget
from mail_proxy.config.settings import HttpSettings
from mail_proxy.domain.errors import TooLarge
from mail_proxy.store.faults import disk_errors

PIECE_BYTES = 64 * 1024  # of a large body, in memory before it is written
# On the disk, in largest bodies: a caller may have a quarter of it.
ARRIVING_BODIES = 8
# In memory while they are parsed, checked and stored, where each takes two or three times as much;
# a larger one is alone then.
WORKING_BYTES = 24 * 2**20


class Bodies:
    """One for all that listens in a process. folder: where there is room for large ones."""

    def __init__(self, http: HttpSettings, folder: Path) -> None:
        self._timeout_s = http.body_timeout_s
        self._folder = folder
        self._arriving = BodyBudget(ARRIVING_BODIES * http.max_request_bytes)
        self._working = BodyBudget(WORKING_BYTES)
        self._parsing = asyncio.Lock()

    @asynccontextmanager
    async def fields(
        self, who: str, request: web.Request, most_bytes: int, *, lone_surrogates: bool
    ) -> AsyncIterator[dict[str, Any]]:
        """The JSON object of the body; empty where there is none. Use it inside alone.

        most_bytes: of the body. lone_surrogates: see `json.decode`. Raises Malformed, TooLarge,
        TooMany, StoreFull, StoreUnavailable.
        """
        if most_bytes <= SMALL_BYTES:
            yield json.decode(
                await self._small(request, most_bytes), lone_surrogates=lone_surrogates
            )
            return
        async with (
            self._arriving.room(who, most_bytes, timeout_s=self._timeout_s),
            self._large(request, most_bytes) as body,
            self._working.room(who, body.size_bytes, timeout_s=self._timeout_s),
        ):
            async with self._parsing:  # each is in memory twice meanwhile
                found = await asyncio.to_thread(_parsed, body, lone_surrogates)
            body.close()
            yield found

    async def _small(self, request: web.Request, most_bytes: int) -> bytes:
        if not most_bytes:
            return b""
        if request.content.is_eof():  # it came with the headers: a timer would cost more than that
            return await _read(request, most_bytes)
        async with self._arrival():
            return await _read(request, most_bytes)

    @asynccontextmanager
    async def _large(self, request: web.Request, most_bytes: int) -> AsyncIterator[_InFile]:
        with disk_errors():
            body = _InFile(self._folder)
        try:
            async with self._arrival(), aclosing(_pieces(request, most_bytes)) as pieces:
                async for piece in pieces:
                    with disk_errors():
                        await asyncio.to_thread(body.write, piece)
            yield body
        finally:
            body.close()

    @asynccontextmanager
    async def _arrival(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout_s):
                yield
        except TimeoutError as error:
            sentence = f"the body did not arrive in {self._timeout_s:g} s"
            raise json.malformed("timeout", sentence) from error
        except (web.RequestPayloadError, ConnectionError) as error:
            raise json.malformed("incomplete", "the body ended early") from error


class _InFile:
    """A body in a file without a name. A thread may still write when it is closed."""

    def __init__(self, folder: Path) -> None:
        self._file = TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - `close` does it
        self._lock = threading.Lock()
        self.size_bytes = 0

    def write(self, piece: Buffer) -> None:
        """Blocks. Raises OSError."""
        left = memoryview(piece)
        with self._lock:
            while left and not self._file.closed:
                n = self._file.write(left)
                self.size_bytes += n
                left = left[n:]

    def read(self) -> bytes:
        """All of it. Blocks; raises OSError."""
        self._file.seek(0)
        return self._file.read()

    def close(self) -> None:
        """Its room on the disk is free."""
        with self._lock:
            self._file.close()


def _parsed(body: _InFile, lone_surrogates: bool) -> dict[str, Any]:
    with disk_errors():
        octets = body.read()
    return json.decode(octets, lone_surrogates=lone_surrogates)


async def _read(request: web.Request, most_bytes: int) -> bytes:
    """A small body; most often it is one part."""
    body = BytesIO()
    while part := await request.content.readany():
        if body.write(part) and body.tell() > most_bytes:
            raise _too_large(request, most_bytes)
    return body.getvalue()


async def _pieces(request: web.Request, most_bytes: int) -> AsyncGenerator[Buffer]:
    """Each is good until the next is asked for: they are in one place."""
    piece, n, size_bytes = bytearray(PIECE_BYTES), 0, 0
    while part := await request.content.readany():
        size_bytes += len(part)
        if size_bytes > most_bytes:
            raise _too_large(request, most_bytes)
        if n + len(part) > PIECE_BYTES:
            yield memoryview(piece)[:n]
            n = 0
        if len(part) > PIECE_BYTES:
            yield part
        else:
            piece[n : n + len(part)] = part
            n += len(part)
    yield memoryview(piece)[:n]


def _too_large(request: web.Request, most_bytes: int) -> TooLarge:
    sentence = f"the body is larger than {most_bytes} bytes"
    if request.content_length is None and most_bytes < request.client_max_size:
        sentence += f"; with a Content-Length it may have {request.client_max_size}"
    return TooLarge(sentence)
