"""From a command and its fields to an HTTP request. Standard library only: the CLI loads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from mail_proxy.control import event_stream
from mail_proxy.control.event_stream import EventReader
from mail_proxy.domain.errors import Invalid, MailProxyError, NotFound
from mail_proxy.wire.failure import failure_from
from mail_proxy.wire.routes import Route, route_named

_WITH_BODY = frozenset({"POST", "PUT"})


@dataclass(frozen=True, slots=True)
class Request:
    """`target` is path and query, percent-encoded."""

    method: str
    target: str
    body: bytes | None = None
    fields: tuple[tuple[str, str], ...] = ()  # those that travel as headers

    @property
    def headers(self) -> dict[str, str]:
        kind = {} if self.body is None else {"Content-Type": "application/json"}
        return kind | dict(self.fields)


def route_of(command: str) -> Route:
    """The route of a command in any spelling. Raises NotFound."""
    route = route_named(command)
    if route is None:
        raise NotFound(f"there is no command '{command}'")
    return route


def payload_for(route: Route, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as the daemon would see them: a URL carries texts, and no null.

    Raises Invalid for fields that cannot travel.
    """
    payload: dict[str, Any] = {}
    for name, value in fields.items():
        if name not in route.query and not _is_in_path(route, name):
            if route.method not in _WITH_BODY:
                raise Invalid(f"'{route.name}' has no field '{name}'", field=name)
            payload[name] = value
        elif value is not None:
            payload[name] = _text(name, value)
    for part in route.path.split("/"):
        if part.startswith("{") and not payload.get(part[1:-1]):
            raise Invalid(f"missing {part[1:-1]}", field=part[1:-1])
    return payload


def request_for(command: str, fields: Mapping[str, Any]) -> Request:
    """Raises NotFound for an unknown command, Invalid for fields that it cannot carry."""
    route = route_of(command)
    rest = payload_for(route, fields)
    path = "/".join(_segment(part, rest) for part in route.path.split("/"))
    query = urlencode({name: rest.pop(name) for name in route.query if name in rest})
    target = f"{path}?{query}" if query else path
    headers = tuple(
        (header, _header(field, rest.pop(field)))
        for header, field in route.headers
        if rest.get(field) is not None
    )
    body = _body(rest) if route.method in _WITH_BODY else None
    return Request(route.method, target, body, headers)


def answer_from(
    status: int, content_type: str, body: bytes, *, request_id: str = ""
) -> dict[str, Any]:
    """What the daemon answered. Raises the MailProxyError that it failed with.

    request_id: of the answer; the error carries it.
    """
    if status == 200 and content_type.startswith("text/plain"):
        return {"ok": True, "text": body.decode()}
    if status == 200 and content_type.startswith(event_stream.KIND):
        return {"ok": True, "events": EventReader().feed(body)}
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if status == 200 and isinstance(found, dict):
        return found
    if status == 200:
        raise MailProxyError("the daemon's answer is not JSON: is this a mail-proxy?")
    error = failure_from(found, status)
    error.http_status, error.request_id = status, request_id
    raise error


def _header(name: str, value: Any) -> str:
    text = str(value)
    if not (text.isascii() and text.isprintable()):
        raise Invalid(f"{name} may have printable ASCII characters only", field=name)
    return text


def _is_in_path(route: Route, name: str) -> bool:
    return "{" + name + "}" in route.path


def _segment(part: str, rest: dict[str, Any]) -> str:
    """One part of the path, `{name}` replaced by that field, which is taken out of `rest`."""
    if not part.startswith("{"):
        return part
    value: str = rest.pop(part[1:-1])
    # Clients on the way resolve dots on their own, so an id of dots is encoded too.
    return quote(value, safe="") if value.strip(".") else "%2E" * len(value)


def _text(name: str, value: Any) -> str:
    """A value as a URL carries it; a lone surrogate has no UTF-8."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Invalid(f"{name} is not Unicode text", field=name) from error
    return text


def _body(fields: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(fields, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        raise Invalid(f"this cannot be sent as JSON: {error}") from error
