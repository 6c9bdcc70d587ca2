"""The API's one JSON reader and writer.

Reading refuses what Python's own takes or chokes on: NaN and Infinity, also as `1e999`; numbers
beyond 64 bits; nesting over 200 levels; bodies made of millions of values; and lone surrogates, but
where each item of a list is judged alone. Of a key given twice the last counts. No error repeats
what was sent, for it may be somebody's mail; what looks like the name of a field is told.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from pydantic_core import from_json, to_json

from mail_proxy.domain.errors import Malformed

# A thousand messages of a thousand recipients fit. More values than this are no mail: a number
# takes two bytes here and 30 in memory.
MOST_COMMAS = 2_000_000

MOST_LEVELS = 200  # as `from_json` has it
_HALF_A_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")  # or a whole one: the reader will see

_LEAST_INT, _MOST_INT = -(2**63), 2**63 - 1  # what SQLite and PostgreSQL hold
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_SHOWN_DEPTH = 6  # messages.17.attachments.0.name and one more


def encode(value: Any) -> bytes:
    """Compact UTF-8. Raises ValueError for what JSON cannot say."""
    return to_json(value)


def decode(body: bytes, *, lone_surrogates: bool = False) -> dict[str, Any]:
    """The object in `body`; an empty body is an empty object. Raises Malformed.

    lone_surrogates: they are let through, for whoever looks at each text.
    """
    if not body:
        return {}
    if body.count(b",") > MOST_COMMAS:
        raise malformed("json_invalid", "the body has too many values")
    try:
        value = _value(body, lone_surrogates)
    except ValueError as error:
        raise malformed("json_invalid", f"the body is not JSON: {error}") from error
    except RecursionError:
        raise malformed("json_invalid", "the body is not JSON: it is nested too deep") from None
    if not isinstance(value, dict):
        raise malformed("dict_type", f"the body must be a JSON object, not {_kind(value)}")
    _check_values(value)
    return value


def _value(body: bytes, lone_surrogates: bool) -> Any:
    try:
        return from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        if not lone_surrogates or not _HALF_A_PAIR.search(body):
            raise
    return json.loads(body.decode(), parse_constant=_no_number)


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def malformed(kind: str, sentence: str, place: Sequence[int | str] = ()) -> Malformed:
    """The failure of a body, its `detail` a list as validation errors have it.

    place: of the field in it; empty: it is the body as a whole.
    """
    field = ".".join(str(part) for part in place)
    return Malformed(
        f"{field}: {sentence}" if field else sentence,
        field=field or None,
        detail=[{"type": kind, "loc": ["body", *place], "msg": sentence, "input": {}}],
    )


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {list: "an array", str: "a string", bool: "a boolean"}
    return kinds.get(type(value), "a number")


def _check_values(value: Any) -> None:
    """Its numbers and its depth. No recursion: the depth is the sender's choice."""
    level = [value]
    for _ in range(MOST_LEVELS + 1):  # the last one is of what no container holds
        below: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is dict:
                below.extend(item.values())
            elif kind is list:
                below.extend(item)
            elif kind is int:
                if not _LEAST_INT <= item <= _MOST_INT:
                    place = _place_of(item, value)
                    raise malformed(
                        "int_parsing_size", "a number is larger than 64 bits hold", place
                    )
            elif kind is float and not math.isfinite(item):
                raise malformed("finite_number", "a number is too large", _place_of(item, value))
        level = below
    if level:
        raise malformed("json_invalid", f"the body is nested deeper than {MOST_LEVELS} levels")


def _place_of(wanted: Any, value: Any) -> list[int | str]:
    """The way from `value` down to that very object; looked for only when it is wrong."""
    left: list[tuple[Any, tuple[int | str, ...]]] = [(value, ())]
    while left:
        item, place = left.pop()
        if item is wanted:
            return [_shown(part) for part in place[:_SHOWN_DEPTH]]
        if type(item) is dict:
            left.extend((each, (*place, name)) for name, each in item.items())
        elif type(item) is list:
            left.extend((each, (*place, n)) for n, each in enumerate(item))
    return []


def _shown(part: int | str) -> int | str:
    return part if isinstance(part, int) or _NAME.fullmatch(part) else "?"
