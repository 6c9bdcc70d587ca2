"""JSON schemas of the commands: each request model, and the answer that its function returns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any, get_type_hints

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from mail_proxy.operations.table import OPERATIONS, Operation
from mail_proxy.wire.answers import Failure

Schema = dict[str, Any]
FAILURE = "Failure"
_MODE: JsonSchemaMode = "validation"
_PLACE = "#/components/schemas/"

# Limits of a number that is first looked at by us: pydantic then leaves its own words.
_LIMITS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
}
# `name, other_*: a sentence` at the begin of a line; what follows is indented.
_FIELDS = re.compile(r"^((?:`?[a-z_]+\*?`?, )*`?[a-z_]+\*?`?): (.*(?:\n[ ]+.*)*)", re.MULTILINE)


class Schemas:
    """The schemas of some commands; `components` are those that they refer to."""

    def __init__(self, names: Iterable[str]) -> None:
        wanted = sorted(names)
        found, shared = TypeAdapter.json_schemas(
            [
                *(
                    (f"{name} request", _MODE, TypeAdapter(OPERATIONS[name].request))
                    for name in wanted
                ),
                *((f"{name} answer", _MODE, _answer_of(OPERATIONS[name])) for name in wanted),
                (FAILURE, _MODE, TypeAdapter(Failure)),
            ],
            ref_template=f"{_PLACE}{{model}}",
            schema_generator=_Untitled,
        )
        self._found: dict[str, Schema] = {key: _tidy(schema) for (key, _), schema in found.items()}
        shared = shared.get("$defs", {})
        self._shared = {name: _described(_tidy(schema)) for name, schema in shared.items()}

    def request(self, name: str) -> Schema:
        """The whole schema of a command's fields, wherever they travel."""
        schema: Schema = self._found[f"{name} request"]
        return self._resolved(schema)

    def answer(self, name: str) -> Schema:
        return self._found[f"{name} answer"]

    def has_fields(self, name: str) -> bool:
        """The answer has more than `ok`."""
        schema = self._resolved(self.answer(name))
        return len(schema.get("properties", {})) > 1

    def about(self, name: str) -> str:
        """What is said of a command's fields as a whole."""
        request = self.request(name)
        text: str = request.get("description", "") if request.get("properties") else ""
        return text

    def components(self, used: Any) -> dict[str, Schema]:
        """What `used` refers to, and what that does."""
        kept: dict[str, Schema] = {}
        left = [used]
        while left:
            for name in _references(left.pop()):
                if name not in kept:
                    kept[name] = self._shared[name]
                    left.append(kept[name])
        return dict(sorted(kept.items()))

    def _resolved(self, schema: Schema) -> Schema:
        reference = schema.get("$ref")
        return schema if reference is None else self._shared[str(reference).removeprefix(_PLACE)]


class _Untitled(GenerateJsonSchema):
    """A title that only repeats the field's name is none."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - of the base class
        return False


def _answer_of(operation: Operation) -> TypeAdapter[Any]:
    return TypeAdapter(get_type_hints(operation.run, include_extras=True)["return"])


def _tidy(schema: Any) -> Any:
    match schema:
        case dict():
            return {
                _LIMITS.get(key, key): _tidy(value)
                for key, value in schema.items()
                # A default that is null is the absence of the field.
                if not (key == "default" and value is None)
            }
        case list():
            return [_tidy(item) for item in schema]
        case _:
            return schema


def _described(schema: Schema) -> Schema:
    """What the docstring says of a field goes to that field."""
    text = schema.get("description", "")
    fields = schema.get("properties", {})
    for names, sentence in _sentences(text):
        for name in fields:
            if any(fnmatchcase(name, pattern) for pattern in names):
                fields[name] = {**fields[name], "description": sentence}
    if rest := _FIELDS.sub("", text).strip():
        return {**schema, "description": _one_line(rest)}
    return {key: value for key, value in schema.items() if key != "description"}


def _sentences(text: str) -> Iterator[tuple[list[str], str]]:
    for found in _FIELDS.finditer(text):
        names = [name.strip("` ") for name in found[1].split(",")]
        yield names, _one_line(found[2])


def _one_line(text: str) -> str:
    """Paragraphs stay; the lines of each are joined."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _references(schema: Any) -> set[str]:
    """The names that stand anywhere in `schema`."""
    found: set[str] = set()
    left = [schema]
    while left:
        match left.pop():
            case {"$ref": str(reference)}:
                found.add(reference.removeprefix(_PLACE))
            case dict(inner):
                left.extend(inner.values())
            case list(items):
                left.extend(items)
    return found
