"""The description of the API (OpenAPI 3.1), made from the table of commands.

Paths, scopes and statuses come from `wire/routes.py`, fields from the request models, answers from
the types that the operations return, sentences from docstrings, examples from `examples.json`.
"""

from __future__ import annotations

import inspect
import json
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Any

import mail_proxy
from mail_proxy.api.schemas import FAILURE, Schema, Schemas
from mail_proxy.operations.table import OPERATIONS
from mail_proxy.wire.caller import Scope
from mail_proxy.wire.routes import ROUTES, Route

TOKEN = "token"  # noqa: S105 - the name of the security scheme
TEXT = "text/plain"
JSON = "application/json"
OCTETS = "application/octet-stream"
EVENTS = "text/event-stream"
_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "Each event.",
    "properties": {
        "event": {"type": "string"},
        "id": {"type": "string"},
        "data": {"type": "string", "contentMediaType": JSON},
    },
    "required": ["event", "data"],
}

_ABOUT = """\
Post messages, look at the queue, and manage tenants and their SMTP accounts.

Every call but the public ones carries a token in the header `X-API-Token`. The admin's may do
everything. A tenant's sees and touches its own tenant only; an id of another tenant is answered
exactly as one that does not exist. Each route says which of them it takes.

A failure is JSON of the shape `Failure`, whatever its status. Optional fields that are empty are
left out of answers. Times named `_ts` are seconds since the epoch, others ISO 8601 in UTC.

Each answer has the header `X-Request-ID`: that of the request, where it had one of 1 to 64 letters,
digits, `.`, `_` and `-`, else a new one. Log lines, messages and reports tell it.
"""

_WHO = {
    Scope.PUBLIC: "Open to everybody, without a token.",
    Scope.TENANT: "Takes the admin's token, or a tenant's for what is its own.",
    Scope.ADMIN: "Takes the admin's token only.",
}

_GROUPS = (
    ("messages", "Post them, look at them, change what becomes of them."),
    ("sending", "Wake, suspend and activate the sending."),
    ("reports", "What was told to the applications, and what waits to be."),
    ("events", "What happens, as it happens."),
    ("accounts", "The SMTP accounts that mail is sent with."),
    ("tenants", "Who uses this instance, and their tokens."),
    ("instance", "The instance: its state, numbers and settings."),
)

_SENTENCES = {
    400: "A value is wrong; `field` names it.",
    401: "No token, a wrong one, or one of another tenant.",
    403: "The token is good, and this is not for it; or its tenant is not active.",
    404: "There is no such thing.",
    409: "The id is taken or not unique, or the state does not allow it.",
    410: "It was there, and is gone.",
    413: "The body is too large.",
    415: "The body is compressed.",
    416: "Nothing of the range is in the file.",
    422: "The body is not JSON, or a container in it has the wrong type.",
    429: "Too much at once; `Retry-After` says when to come again.",
    500: "A bug; the log of the daemon has the details.",
    503: "The database cannot be reached; `Retry-After` says when to come again.",
    507: "No room on the disk.",
}

_WITH_BODY = frozenset({"POST", "PUT"})  # methods whose other fields travel in a JSON body


@cache
def document() -> dict[str, Any]:
    """The whole description; the same for the same version of the program."""
    shown = [route for route in ROUTES.values() if route.scope < Scope.LOCAL]
    schemas = Schemas(route.name for route in shown)
    examples = _examples()
    paths: dict[str, dict[str, Any]] = {}
    for route in shown:
        operation = _operation(route, schemas, examples.get(route.name))
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mail-proxy",
            "version": mail_proxy.__version__,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{TOKEN: []}],
        "tags": [{"name": name, "description": sentence} for name, sentence in _GROUPS],
        "paths": paths,
        "components": {
            "securitySchemes": {
                TOKEN: {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-API-Token",
                    "description": "The admin's token, or a tenant's.",
                }
            },
            "schemas": schemas.components(paths),
        },
    }


@cache
def document_text() -> bytes:
    """The same as it is sent and kept: UTF-8, indented, keys in the order of their making."""
    return (json.dumps(document(), indent=1, ensure_ascii=False) + "\n").encode()


def _operation(route: Route, schemas: Schemas, example: Schema | None) -> Schema:
    operation = OPERATIONS[route.name]
    summary, *_ = (inspect.getdoc(operation.run) or route.name).split("\n\n")
    described: Schema = {
        "operationId": route.name,
        "tags": [_group_of(route)],
        "summary": " ".join(summary.split()).rstrip("."),
        "description": "\n\n".join(
            part for part in (schemas.about(route.name), _WHO[route.scope]) if part
        ),
    }
    if route.scope is Scope.PUBLIC:
        described["security"] = []
    request = schemas.request(route.name)
    if parameters := _parameters(route, request, example):
        described["parameters"] = parameters
    if body := _body(route, request):
        described["requestBody"] = _request_body(route, body, example)
    described["responses"] = _responses(route, schemas, example)
    return described


def _group_of(route: Route) -> str:
    first = route.path.split("/")[1]
    groups = {
        "account": "accounts",
        "tenant": "tenants",
        "commands": "messages" if route.path.endswith("-messages") else "sending",
        "suppressions": "messages",
        "download": "tenants",
    }
    group = groups.get(first, first)
    return group if group in dict(_GROUPS) else "instance"


# --- what is sent ---


def _parameters(route: Route, request: Schema, example: Schema | None) -> list[Schema]:
    fields = request.get("properties", {})
    given = {**(example or {}).get("path", {}), **(example or {}).get("query", {})}
    found = []
    headers = {field: header for header, field in route.headers}
    for name in [*_in_path(route), *route.query, *headers]:
        place = "query" if name in route.query else "header" if name in headers else "path"
        schema = dict(_not_null(fields[name]))
        parameter: Schema = {"name": headers.get(name, name), "in": place}
        if place == "path" or name in request.get("required", ()):
            parameter["required"] = True
        if text := schema.pop("description", ""):
            parameter["description"] = text
        parameter["schema"] = schema
        if place == "path" and schema.get("type") == "string":
            schema.setdefault("minLength", 1)
        if name in given:
            parameter["example"] = given[name]
        found.append(parameter)
    return found


def _in_path(route: Route) -> list[str]:
    return [part[1:-1] for part in route.path.split("/") if part.startswith("{")]


def _not_null(schema: Schema) -> Schema:
    """What stands in a path or a query is never null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    if schema.get("default") is not None:
        rest["default"] = schema["default"]
    if not kinds:
        return rest
    return {**rest, **kinds[0]} if len(kinds) == 1 else {**rest, "anyOf": kinds}


def _body(route: Route, request: Schema) -> Schema:
    """The fields of the JSON body; empty where there are none."""
    if route.method not in _WITH_BODY:
        return {}
    elsewhere = {*_in_path(route), *route.query, *(field for _, field in route.headers)}
    fields = {
        name: schema
        for name, schema in request.get("properties", {}).items()
        if name not in elsewhere
    }
    needed = [name for name in request.get("required", ()) if name in fields]
    if not fields:
        return {}
    return {"type": "object", "properties": fields, **({"required": needed} if needed else {})}


def _request_body(route: Route, schema: Schema, example: Schema | None) -> Schema:
    content: Schema = {"schema": schema}
    if example and "body" in example:
        content["example"] = example["body"]
    is_needed = "required" in schema or route.name == "addMessages"
    return {"required": is_needed, "content": {JSON: content}}


# --- what is answered ---


def _responses(route: Route, schemas: Schemas, example: Schema | None) -> Schema:
    answer: Schema = {"schema": schemas.answer(route.name)}
    kind = JSON
    if route.name == "metrics":
        answer, kind = {"schema": {"type": "string"}}, TEXT
    if route.sends_file:
        answer, kind = {"schema": {"type": "string", "format": "binary"}}, OCTETS
    if route.streams and not schemas.has_fields(route.name):
        answer, kind = {"schema": _EVENT}, EVENTS
    if example and "answer" in example:
        answer["example"] = example["answer"]
    responses: Schema = {"200": {"description": "Done.", "content": {kind: answer}}}
    if route.streams and kind != EVENTS:
        responses["200"]["content"][EVENTS] = {"schema": _EVENT}
    if route.sends_file:
        responses["206"] = {
            "description": "The part that was asked for.",
            "content": {kind: answer},
        }
        responses["302"] = {"description": "It is kept elsewhere; `Location` says where."}
    failure = {JSON: {"schema": {"$ref": f"#/components/schemas/{FAILURE}"}}}
    for status in _failures(route, schemas.request(route.name)):
        sentence = _SENTENCES.get(status) or HTTPStatus(status).phrase
        responses[str(status)] = {"description": sentence, "content": failure}
    return responses


def _failures(route: Route, request: Schema) -> list[int]:
    statuses = {500, 503, *route.also}
    if route.scope is not Scope.PUBLIC:
        statuses |= {401, 403, 429}
    if request.get("properties"):
        statuses.add(400)
        if route.scope is not Scope.PUBLIC:
            statuses.add(route.not_found_status)
    if route.method in _WITH_BODY:
        statuses |= {413, 415, 422}
    if route.changes:
        statuses.add(507)
    return sorted(statuses)


def _examples() -> dict[str, Schema]:
    """By command: `path`, `query`, `body` and `answer` of one that was sent."""
    text = (files("mail_proxy.api") / "examples.json").read_text(encoding="utf-8")
    return {example["command"]: example for example in json.loads(text)}
