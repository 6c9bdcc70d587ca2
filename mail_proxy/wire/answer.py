"""The shape of every answer: optional fields that are null are left out, for every face alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What an application posted comes back exactly as it came, nulls included.
_VERBATIM = frozenset({"message", "payload"})


def without_nulls(answer: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `answer` without its nulls, at any depth; tuples become lists."""
    return {
        key: value if key in _VERBATIM else _pruned(value)
        for key, value in answer.items()
        if value is not None
    }


def _pruned(value: Any) -> Any:
    if isinstance(value, Mapping):
        return without_nulls(value)
    if isinstance(value, list | tuple):
        return [_pruned(item) for item in value]
    return value
