"""The description of the API as one HTML page, readable without JavaScript.

With it, each route can be tried from the page (`assets/page.js`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from html import escape
from typing import Any

from mail_proxy.api.openapi import JSON, document

Schema = dict[str, Any]
_CODE = re.compile(r"`([^`]+)`")


@cache
def page_text() -> bytes:
    """The whole page in UTF-8."""
    about = document()
    body = "\n".join(
        [*_head(about), *_groups(about), *_shapes(about["components"]["schemas"])],
    )
    title = f"{about['info']['title']} {about['info']['version']}"
    return _PAGE.format(title=escape(title), body=body).encode()


_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: API</title>
<link rel="stylesheet" href="docs/page.css">
<script src="docs/page.js" defer></script>
</head>
<body>
{body}
</body>
</html>
"""


def _head(about: Schema) -> Iterator[str]:
    info = about["info"]
    yield f"<header><h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1>"
    yield _prose(info["description"])
    yield '<p>For programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p>'
    yield (
        '<p class="token"><label for="token">Token</label> '
        '<input id="token" type="password" autocomplete="off" spellcheck="false"> '
        "<small>It stays in this page, and is gone with it.</small></p></header>"
    )
    yield "<nav>"
    for tag in about["tags"]:
        links = " ".join(
            f'<a href="#{name}">{escape(name)}</a>' for name, *_ in _operations(about, tag["name"])
        )
        yield f'<p><a href="#{tag["name"]}"><b>{tag["name"]}</b></a> {links}</p>'
    yield "</nav>"


def _operations(about: Schema, group: str) -> Iterator[tuple[str, str, str, Schema]]:
    """Name, method, path and description of each route of a group."""
    for path, methods in about["paths"].items():
        for method, operation in methods.items():
            if operation["tags"] == [group]:
                yield operation["operationId"], method.upper(), path, operation


def _groups(about: Schema) -> Iterator[str]:
    yield "<main>"
    for tag in about["tags"]:
        yield f'<h2 id="{tag["name"]}">{tag["name"]}</h2>{_prose(tag["description"])}'
        for name, method, path, operation in _operations(about, tag["name"]):
            yield f'<section id="{name}" data-method="{method}" data-path="{escape(path)}">'
            yield f"<h3><b>{method}</b> <code>{escape(path)}</code></h3>"
            yield f"<p><strong>{_inline(operation['summary'])}.</strong></p>"
            yield _prose(operation["description"])
            yield from _sent(operation)
            yield from _answered(operation)
            yield "</section>"


def _sent(operation: Schema) -> Iterator[str]:
    parameters = operation.get("parameters", [])
    content = operation.get("requestBody", {}).get("content", {}).get(JSON, {})
    schema = content.get("schema", {})
    rows = [
        _row(p["name"], p["schema"], p["in"], p.get("description", ""), p.get("required", False))
        for p in parameters
    ]
    rows += _fields(schema, place="body")
    if rows:
        yield _table(("field", "type", "in", ""), rows)
    yield '<details class="try"><summary>Try it</summary><form>'
    for p in parameters:
        value = escape(str(p.get("example", "")))
        yield (
            f'<label>{escape(p["name"])} <input name="{escape(p["name"])}" data-in="{p["in"]}" '
            f'value="{value}" autocomplete="off"></label>'
        )
    if content:
        example = json.dumps(content.get("example", {}), indent=2, ensure_ascii=False)
        yield f'<label>body <textarea rows="8">{escape(example)}</textarea></label>'
    yield '<button type="submit" disabled>Send</button></form><pre class="shown"></pre></details>'


def _answered(operation: Schema) -> Iterator[str]:
    rows = []
    for status, response in operation["responses"].items():
        kinds = response.get("content") or {"": {"schema": {"type": "nothing"}}}
        shape = next(iter(kinds.values()))["schema"]
        rows.append(
            f"<td>{status}</td><td>{_type(shape)}</td><td>{_inline(response['description'])}</td>"
        )
    yield _table(("status", "body", ""), rows)
    for kind, content in operation["responses"]["200"]["content"].items():
        if "example" in content:
            example = content["example"]
            text = example if kind != JSON else json.dumps(example, indent=2, ensure_ascii=False)
            yield f"<details><summary>An answer</summary><pre>{escape(text)}</pre></details>"


def _shapes(schemas: dict[str, Schema]) -> Iterator[str]:
    yield '<h2 id="shapes">shapes</h2>'
    for name, schema in schemas.items():
        yield f'<section id="shape-{name}"><h3>{name}</h3>{_prose(schema.get("description", ""))}'
        yield _table(("field", "type", "in", ""), _fields(schema, place=""))
        yield "</section>"
    yield "</main>"


def _fields(schema: Schema, *, place: str) -> list[str]:
    needed = schema.get("required", ())
    return [
        _row(name, field, place, field.get("description", ""), name in needed)
        for name, field in schema.get("properties", {}).items()
    ]


def _row(name: str, schema: Schema, place: str, text: str, is_needed: bool) -> str:
    mark = " <em>required</em>" if is_needed else ""
    default = schema.get("default")
    told = _inline(text) + (
        "" if default is None else f" Default: <code>{escape(str(default))}</code>."
    )
    return (
        f"<td><code>{escape(name)}</code>{mark}</td><td>{_type(schema)}</td>"
        f"<td>{place}</td><td>{told}</td>"
    )


def _type(schema: Schema) -> str:
    """What a value may be, in a few words, with a link to a shape."""
    match schema:
        case {"$ref": str(reference)}:
            name = reference.rpartition("/")[2]
            return f'<a href="#shape-{name}">{name}</a>'
        case {"anyOf": list(kinds)}:
            return " or ".join(dict.fromkeys(_type(kind) for kind in kinds))
        case {"const": value}:
            return f"<code>{escape(json.dumps(value))}</code>"
        case {"enum": list(values)}:
            return " or ".join(f"<code>{escape(json.dumps(value))}</code>" for value in values)
        case {"type": "array", "items": items}:
            return f"list of {_type(items)}"
        case {"type": str(kind)}:
            return escape(kind)
        case _:
            return "any"


def _table(heads: tuple[str, ...], rows: list[str]) -> str:
    head = "".join(f"<th>{head}</th>" for head in heads)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _prose(text: str) -> str:
    return "".join(f"<p>{_inline(part)}</p>" for part in text.strip().split("\n\n") if part)


def _inline(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(text))
