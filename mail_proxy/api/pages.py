"""The description of the API, for programs and for people; public, and the same for everybody.

The page needs no other host: a browser may load nothing from elsewhere, and the token that somebody
types into it goes nowhere but into the requests that he sends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from importlib.resources import files

from aiohttp import web

from mail_proxy.api.answers import COMMON
from mail_proxy.api.openapi import document_text
from mail_proxy.api.page import page_text

_GUARDED = {
    **COMMON,
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
_ASSETS = {"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8"}


def add_to(router: web.UrlDispatcher) -> None:
    """`/openapi.json`, `/docs` with what it loads, and `/redoc`, which other servers have."""
    router.add_route("GET", "/openapi.json", _made(document_text, "application/json"))
    router.add_route("GET", "/docs", _made(page_text, "text/html; charset=utf-8"))
    for name, kind in _ASSETS.items():
        path = files("mail_proxy.api") / "assets" / name
        router.add_route("GET", f"/docs/{name}", _made(path.read_bytes, kind))
    router.add_route("GET", "/redoc", _to_docs)


def _made(make: Callable[[], bytes], kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def respond(_: web.Request) -> web.Response:
        # In a thread: the first time takes a tenth of a second.
        body = await asyncio.to_thread(make)
        return web.Response(body=body, headers={**_GUARDED, "Content-Type": kind})

    return respond


async def _to_docs(_: web.Request) -> web.Response:
    # Relative: in front of us there may be a proxy with a prefix of its own.
    return web.Response(status=307, headers={**COMMON, "Location": "docs"})
