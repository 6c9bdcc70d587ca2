"""Server-sent events: lines as they come, a sign of life meanwhile, and an end that says why.

ASCII only, so that no reader takes a character of a mail for the end of a line.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from mail_proxy.api import answers
from mail_proxy.observe.news import Line
from mail_proxy.operations.streams import Stream

HEARTBEAT_S = 15.0
LOOK_S = 2.0  # how often the token is looked at, and whether the reader is still there
_HEADERS = {
    **answers.COMMON,
    "Content-Type": "text/event-stream; charset=utf-8",
    "X-Accel-Buffering": "no",  # a proxy on the way must not gather
}
_SIGN_OF_LIFE = b": still here\n\n"
_RETRY = b"retry: 3000\n\n"  # ms; when a browser comes again


async def sent(
    request: web.Request,
    stream: Stream,
    timeout_s: float,
    *,
    is_good: Callable[[], Awaitable[bool]],
) -> web.StreamResponse:
    """The answer, when it is over; the stream is closed then.

    timeout_s: what a reader has for each piece. is_good: whether its token is. Raises
    ConnectionError when the reader is slower, or gone.
    """
    response = web.StreamResponse(headers=_HEADERS)
    try:
        await response.prepare(request)
        await answers.write(response, _RETRY, timeout_s)
        why = await _send(request, response, stream, timeout_s, is_good)
        await answers.write(response, encoded(Line("end", None, _ended(why))), timeout_s)
        await response.write_eof()
    except BaseException:
        if request.transport is not None:
            request.transport.abort()  # half an answer is not followed by another
        raise
    finally:
        stream.close()
    return response


async def _send(
    request: web.Request,
    response: web.StreamResponse,
    stream: Stream,
    timeout_s: float,
    is_good: Callable[[], Awaitable[bool]],
) -> str:
    """Why it is over."""
    loop = asyncio.get_running_loop()
    said_at = looked_at = loop.time()
    while (lines := await stream.next(LOOK_S)) is not None:
        now = loop.time()
        if now - looked_at >= LOOK_S:
            looked_at = now
            if request.transport is None or request.transport.is_closing():
                raise ConnectionResetError("the reader is gone")
            if not await is_good():
                return "the token is not good any more"
        if lines:
            await answers.write(response, b"".join(map(encoded, lines)), timeout_s)
        elif now - said_at >= HEARTBEAT_S:
            await answers.write(response, _SIGN_OF_LIFE, timeout_s)
        else:
            continue
        said_at = loop.time()
    return stream.why_over


def _ended(why: str) -> dict[str, str]:
    return {"kind": "end", "words": why}


def encoded(line: Line) -> bytes:
    """One event as it is sent."""
    head = f"event: {line.event}\n" if line.id is None else f"event: {line.event}\nid: {line.id}\n"
    return f"{head}data: {json.dumps(line.data, separators=(',', ':'))}\n\n".encode("ascii")
