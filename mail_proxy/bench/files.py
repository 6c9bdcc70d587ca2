"""The file server that the benchmark attaches from: other octets under each name."""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator, Mapping
from functools import lru_cache
from typing import Any

from aiohttp import web

from mail_proxy.bench.children import Verb

_SEED = 7
_NAME_BYTES = 32
_PIECE = 256 * 1024


@lru_cache(maxsize=2)
def _octets(size_bytes: int) -> bytes:
    return random.Random(_SEED).randbytes(size_bytes)  # noqa: S311 - content, not a secret


def content(size_bytes: int, name: str) -> bytes:
    """The same each time, and of that name alone; no compression makes it smaller."""
    return (name.encode().ljust(_NAME_BYTES) + _octets(size_bytes))[:size_bytes]


@contextlib.asynccontextmanager
async def verbs() -> AsyncIterator[Mapping[str, Verb]]:
    """It answers `/SIZE/NAME` with so many octets."""
    asked = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        body = content(int(request.match_info["size"]), request.match_info["name"])
        response = web.StreamResponse(headers={"Content-Length": str(len(body))})
        await response.prepare(request)
        for at in range(0, len(body), _PIECE):
            await response.write(body[at : at + _PIECE])
        return response

    app = web.Application()
    app.router.add_get("/{size}/{name}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]

        async def where() -> dict[str, Any]:
            return {"url": f"http://{host}:{port}"}

        async def count() -> dict[str, Any]:
            return {"requests": asked}

        yield {"where": where, "count": count}
    finally:
        await runner.cleanup()
