"""What the command log keeps of a payload: bounded in all, and fit for any database."""

from __future__ import annotations

import itertools
import json
from typing import Any

from mail_proxy.observe.redact import redact

MOST_BYTES = 16 * 1024  # of a payload, as JSON in UTF-8
MORE = "..."  # in the place of what has no room

_SPARE = 1024  # of them, for the name that goes over, and a MORE at each depth
_TEXT_LIMIT = 1000  # characters kept of a text
_NAME_LIMIT = 64
_LIST_LIMIT = 100  # items kept of a list or an object
_LARGEST_BITS = 256


def excerpt(value: Any) -> Any:
    """A value without its bulk: what comes first is kept. The same value has the same excerpt.

    value: of JSON, no deeper than `secrets.mask` leaves it.
    """
    return _Excerpt(MOST_BYTES - _SPARE).of(value)


def name_excerpt(name: str) -> str:
    return _text(name, _NAME_LIMIT)


class _Excerpt:
    """room: bytes that are left, of one budget for all depths."""

    def __init__(self, room: int) -> None:
        self._room = room

    def of(self, value: Any) -> Any:
        if isinstance(value, list):
            return self._of_list(value)
        if isinstance(value, dict):
            return self._of_dict(value)
        return self._paid(_of_leaf(value))

    def _of_list(self, value: list[Any]) -> list[Any]:
        self._pay(2)
        kept: list[Any] = []
        for item in value[:_LIST_LIMIT]:
            if self._room <= 0:
                return [*kept, MORE]
            kept.append(self.of(item))
        return kept

    def _of_dict(self, value: dict[Any, Any]) -> dict[str, Any]:
        self._pay(2)
        kept: dict[str, Any] = {}
        for name, item in itertools.islice(value.items(), _LIST_LIMIT):
            if self._room <= 0:
                return {**kept, MORE: MORE}
            shown = self._paid(name_excerpt(str(name)))
            kept[shown] = self.of(item)
        return kept

    def _paid(self, value: Any) -> Any:
        """The value, or MORE where it has no room; then nothing more has."""
        self._pay(len(json.dumps(value, ensure_ascii=False).encode()))
        return value if self._room >= 0 else MORE

    def _pay(self, cost: int) -> None:
        self._room -= cost + 2  # and what stands between it and the next


def _of_leaf(value: Any) -> Any:
    if isinstance(value, str):
        return redact(_text(value, _TEXT_LIMIT))  # a refused change may hold one at any place
    if isinstance(value, int) and value.bit_length() > _LARGEST_BITS:
        return "a very large number"
    return value if isinstance(value, bool | int | float | None) else type(value).__name__


def _text(value: str, limit: int) -> str:
    """No NUL and no half of a surrogate pair: one database or the other refuses them."""
    return value[:limit].encode("utf-8", "replace").decode("utf-8").replace("\0", "?")
