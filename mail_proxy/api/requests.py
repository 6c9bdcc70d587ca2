"""From an HTTP request to a token and one payload: path, query and body are one set of fields."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from mail_proxy.config.settings import HttpSettings
from mail_proxy.domain.errors import Invalid, TooLarge, Unauthorized, UnsupportedEncoding
from mail_proxy.operations.chance import new_request_id
from mail_proxy.wire.request_id import HEADER, is_request_id
from mail_proxy.wire.routes import Route

TOKEN_HEADER = "X-API-Token"  # noqa: S105 - the header's name
_REQUEST_ID = web.RequestKey("request_id", str)
_IPV6_PREFIX = 64  # what a household or a server gets
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


def request_id_of(request: web.Request) -> str:
    """The caller's own where it is fit to be kept, else a new one; the same whenever it is asked.

    A bad one is no reason to refuse what is asked with it.
    """
    found = request.get(_REQUEST_ID)
    if found is None:
        given: Sequence[str] = request.headers.getall(HEADER, ())
        is_fit = len(given) == 1 and is_request_id(given[0])
        found = request[_REQUEST_ID] = given[0] if is_fit else new_request_id()
    return found


def address_of(request: web.Request) -> str:
    """Who is counted as one: an IPv4 address, or a network of IPv6, where everybody has many.

    A header of a proxy in front is not asked: anybody can send one.
    """
    address = request.remote or ""
    if ":" not in address:
        return address
    network = ipaddress.ip_network((address.partition("%")[0], _IPV6_PREFIX), strict=False)
    return str(network)


def body_size(route: Route, request: web.Request, http: HttpSettings) -> int:
    """Most bytes that the body of this request may take, 0 where none is read.

    Raises TooLarge, UnsupportedEncoding.
    """
    if route.method not in _WITH_BODY or not request.body_exists:
        return 0
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        # A megabyte of gzip may be a gigabyte of text.
        raise UnsupportedEncoding("compressed bodies are not accepted")
    if request.content_length is None:
        return min(http.max_chunked_bytes, http.max_request_bytes)
    if request.content_length > http.max_request_bytes:
        raise TooLarge(f"the body is larger than {http.max_request_bytes} bytes")
    return request.content_length


def payload_of(route: Route, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
    """The fields of the command; the path wins over the query, and the query over the body.

    body: its fields; the payload is made of it. Raises Invalid.
    """
    if route.query and request.rel_url.raw_query_string:
        body.update(_query_of(route, request))
    for header, field in route.headers:
        if given := request.headers.getall(header, ()):
            body[field] = _only(header, given)
    if request.match_info:
        body.update(request.match_info)
    return body


def _only(name: str, values: Sequence[str]) -> str:
    if len(values) > 1:
        raise Invalid(f"'{name}' is given twice", field=name)
    return values[0]


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
