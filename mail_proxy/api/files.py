"""Files over HTTP: never shown by a browser, always kept; from disk block by block."""

from __future__ import annotations

import asyncio
import os
from email.utils import formatdate

from aiohttp import web

from mail_proxy.api import answers
from mail_proxy.api.ranges import NotSatisfiable, asked_range
from mail_proxy.domain.content import BLOCK_BYTES
from mail_proxy.domain.errors import NotFound
from mail_proxy.storage import OfferedFile

# What others have sent must not run as if it came from here, and is nobody's but the reader's.
_GUARDED = {
    "Server": "mail-proxy",
    "Cache-Control": "private, no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}


async def sent(request: web.Request, file: OfferedFile, timeout_s: float) -> web.StreamResponse:
    """The answer, when it has been sent; the first part of a body counts as a download.

    timeout_s: what a reader has for each block. Raises ConnectionError when it is slower, or gone,
    and NotFound for a file that is not there.
    """
    if file.redirect_to is not None:
        if request.method == "GET":
            await file.begun()
        return web.Response(status=302, headers={**_GUARDED, "Location": file.redirect_to})
    opened = await asyncio.to_thread(file.open)
    try:
        return await _sent(request, file, opened, timeout_s)
    finally:
        os.close(opened)


async def _sent(
    request: web.Request, file: OfferedFile, opened: int, timeout_s: float
) -> web.StreamResponse:
    size = os.fstat(opened).st_size
    if size != file.size_bytes:
        raise NotFound("the file of this link is gone")
    etag, modified = f'"{file.sha256[:32]}"', formatdate(file.created_at, usegmt=True)
    headers = {
        **_GUARDED,
        "Content-Type": file.mime_type,
        "Content-Disposition": file.disposition,
        "Accept-Ranges": "bytes",
        "ETag": etag,
        "Last-Modified": modified,
    }
    try:
        part = asked_range(request.headers, size=size, etag=etag, modified=modified)
    except NotSatisfiable:
        return answers.not_satisfiable(size)
    first, end = part or (0, size)
    if part is not None:
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - first)
    response = web.StreamResponse(status=206 if part else 200, headers=headers)
    await response.prepare(request)
    if request.method == "GET":
        await file.begun()
        try:
            await _write(response, opened, first, end, timeout_s)
        except BaseException:
            if request.transport is not None:
                request.transport.abort()  # a part must not pass for the whole
            raise
    return response


async def _write(
    response: web.StreamResponse, opened: int, first: int, end: int, timeout_s: float
) -> None:
    while first < end:
        block = await asyncio.to_thread(os.pread, opened, min(BLOCK_BYTES, end - first), first)
        if not block:
            raise ConnectionResetError("a file became shorter while it was sent")
        await answers.write(response, block, timeout_s)
        first += len(block)
