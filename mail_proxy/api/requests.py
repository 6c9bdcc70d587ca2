"""From an HTTP request to a token and one payload: path, query and body are one set of fields."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from mail_proxy.api import json
from mail_proxy.domain.errors import Invalid, TooLarge, Unauthorized
from mail_proxy.wire.routes import Route

TOKEN_HEADER = "X-API-Token"  # noqa: S105 - the header's name
_WITH_BODY = frozenset({"POST", "PUT"})


def token_of(request: web.Request) -> str | None:
    """The token, or None where there is no header. Raises Unauthorized for what cannot be one."""
    tokens = request.headers.getall(TOKEN_HEADER, ())
    if not tokens:
        return None
    # Two headers: a proxy in front may have checked the other one.
    if len(tokens) > 1 or not tokens[0].isascii():
        raise Unauthorized("Invalid or missing API token")
    return tokens[0]


async def payload_of(route: Route, request: web.Request, timeout_s: float) -> dict[str, Any]:
    """The fields of the command; the path wins over the query, and the query over the body.

    Raises Invalid, Malformed, TooLarge.
    """
    payload: dict[str, Any] = {}
    if route.method in _WITH_BODY and request.body_exists:
        payload = await json.decode(await _read_body(request, timeout_s))
    if route.query and request.rel_url.raw_query_string:
        payload.update(_query_of(route, request))
    if request.match_info:
        payload.update(request.match_info)
    return payload


def _query_of(route: Route, request: web.Request) -> dict[str, str]:
    """The fields that this route knows; others are ignored, as old clients send some."""
    fields: dict[str, str] = {}
    for name, value in request.query.items():
        if name not in route.query:
            continue
        if name in fields:
            raise Invalid(f"'{name}' is given twice", field=name)
        fields[name] = value
    return fields


async def _read_body(request: web.Request, timeout_s: float) -> bytes:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        # A megabyte of gzip may be a gigabyte of text.
        raise json.malformed("encoding", "compressed bodies are not accepted")
    limit = request.client_max_size
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    try:
        if request.content.is_eof():  # it came with the headers: a timer would cost more than that
            return await request.read()
        async with asyncio.timeout(timeout_s):
            return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise _too_large(limit) from error
    except TimeoutError as error:
        raise json.malformed("timeout", f"the body did not arrive in {timeout_s:g} s") from error
    except (web.RequestPayloadError, ConnectionError) as error:
        raise json.malformed("incomplete", "the body ended early") from error


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit_bytes} bytes")
