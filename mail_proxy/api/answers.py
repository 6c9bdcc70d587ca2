"""From an answer or an error to an HTTP response."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from aiohttp import web

from mail_proxy.api import json
from mail_proxy.domain.errors import MailProxyError, NotFound, StoreUnavailable, TooMany
from mail_proxy.observe import events
from mail_proxy.wire.failure import STATUS, failure_body

# `Server` tells no versions; answers hold mail and tokens, so nothing on the way may keep them.
COMMON = {
    "Server": "mail-proxy",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
_JSON = {**COMMON, "Content-Type": "application/json"}
_TEXT = {**COMMON, "Content-Type": "text/plain; version=0.0.4; charset=utf-8"}

_RETRY_AFTER_S = 5
_CHUNK_BYTES = 64 * 1024


def as_json(body: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=json.encode(body), status=status, headers=_JSON)


def as_text(text: str) -> web.Response:
    """For scrapers of metrics."""
    return web.Response(body=text.encode(), headers=_TEXT)


def failure(error: MailProxyError, *, not_found_status: int = 404) -> web.Response:
    """The failure on the wire; an error without a status of its own is a 500."""
    status = STATUS.get(error.code, 500)
    if isinstance(error, NotFound):
        status = not_found_status
    response = as_json(failure_body(error), status)
    if isinstance(error, StoreUnavailable):
        response.headers["Retry-After"] = str(_RETRY_AFTER_S)
    elif isinstance(error, TooMany):
        response.headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    return response


def broken() -> web.Response:
    """A bug of ours: what happened is in the log and nowhere else."""
    return failure(MailProxyError("internal error"))


def refused(error: web.HTTPException) -> web.Response:
    """What aiohttp itself refuses: an unknown path, a wrong method."""
    sentence, code = _REFUSALS.get(error.status, ("the request cannot be served", "invalid"))
    body = {"ok": False, "error": sentence, "detail": error.reason, "code": code}
    response = as_json(body, error.status)
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response


def not_satisfiable(size: int) -> web.Response:
    """Nothing of the range that was asked for is in a file of `size` bytes."""
    sentence = "the file has no such range"
    body = {"ok": False, "error": sentence, "detail": sentence, "code": "invalid"}
    response = as_json(body, 416)
    response.headers["Content-Range"] = f"bytes */{size}"
    return response


_REFUSALS = {
    404: ("there is nothing at this path", "not_found"),
    405: ("this path does not take that method", "invalid"),
    417: ("of 'Expect' only '100-continue' is understood", "invalid"),
}


async def streamed(
    request: web.Request, answer: dict[str, Any], timeout_s: float
) -> web.StreamResponse:
    """An answer whose `messages` come one by one, in constant memory.

    What fails before the first 128 KiB are full is raised, and can still be answered. Later the
    connection is cut and then the error raised: half a list must not pass for a whole one.
    timeout_s: what a reader has for each piece. Raises ConnectionError when it is slower, or gone.
    """
    async with aclosing(_chunks(answer)) as chunks:
        first = await anext(chunks)
        second = await anext(chunks, None)
        if second is None:
            return web.Response(body=first, headers=_JSON)
        response = web.StreamResponse(headers=_JSON)
        try:
            await response.prepare(request)
            await write(response, first + second, timeout_s)
            async for chunk in chunks:
                await write(response, chunk, timeout_s)
        except BaseException as error:
            if isinstance(error, MailProxyError):  # nobody else learns of it any more
                events.store_trouble(where="a list that was being sent", error=error)
            if request.transport is not None:
                request.transport.abort()
            raise
        return response


async def write(response: web.StreamResponse, chunk: bytes, timeout_s: float) -> None:
    """Raises ConnectionError when the reader takes longer than that, or is gone."""
    try:
        async with asyncio.timeout(timeout_s):
            await response.write(chunk)
    except TimeoutError as error:
        raise ConnectionResetError("the reader is too slow") from error


async def _chunks(answer: dict[str, Any]) -> AsyncGenerator[bytes, None]:
    """The JSON document, the list last, in pieces of about 64 KiB."""
    rest = {key: value for key, value in answer.items() if key != "messages"}
    pending = bytearray(json.encode(rest)[:-1])
    pending += b',"messages":[' if rest else b'"messages":['
    separator = b""
    async with aclosing(answer["messages"]) as messages:
        async for message in messages:
            pending += separator + json.encode(message)
            separator = b","
            if len(pending) >= _CHUNK_BYTES:
                yield bytes(pending)
                pending.clear()
    yield bytes(pending) + b"]}"
