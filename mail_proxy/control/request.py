"""From a command and its fields to an HTTP request. Standard library only: the CLI loads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

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

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.body is None else {"Content-Type": "application/json"}


def route_of(command: str) -> Route:
    """The route of a command in any spelling. Raises NotFound."""
    route = route_named(command)
    if route is None:
        raise NotFound(f"there is no command '{command}'")
    return route


def given(route: Route, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields without those that the URL carries and that are None: a URL has no null."""
    in_body = route.method in _WITH_BODY
    return {
        name: value
        for name, value in fields.items()
        if value is not None or (in_body and name not in route.query and not _is_in(route, name))
    }


def request_for(command: str, fields: Mapping[str, Any]) -> Request:
    """Raises NotFound for an unknown command, Invalid for fields that it cannot carry."""
    route = route_of(command)
    rest = given(route, fields)
    path = "/".join(_segment(part, rest) for part in route.path.split("/"))
    query = urlencode({name: _text(name, rest.pop(name)) for name in route.query if name in rest})
    target = f"{path}?{query}" if query else path
    if route.method in _WITH_BODY:
        return Request(route.method, target, _body(rest))
    if rest:
        name = next(iter(rest))
        raise Invalid(f"'{route.name}' has no field '{name}'", field=name)
    return Request(route.method, target)


def answer_from(status: int, content_type: str, body: bytes) -> dict[str, Any]:
    """What the daemon answered. Raises the MailProxyError that it failed with."""
    if status == 200 and content_type.startswith("text/plain"):
        return {"ok": True, "text": body.decode()}
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if status == 200 and isinstance(found, dict):
        return found
    if status == 200:
        raise MailProxyError("the daemon's answer is not JSON: is this a mail-proxy?")
    raise failure_from(found, status)


def _is_in(route: Route, name: str) -> bool:
    return "{" + name + "}" in route.path


def _segment(part: str, rest: dict[str, Any]) -> str:
    """One part of the path, `{name}` replaced by that field, which is taken out of `rest`."""
    if not part.startswith("{"):
        return part
    name = part[1:-1]
    value = _text(name, rest.pop(name, ""))
    if not value:
        raise Invalid(f"missing {name}", field=name)
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
