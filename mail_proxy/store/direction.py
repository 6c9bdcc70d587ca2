"""Walking a key up or down: in order, beyond a place, and up to one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement


def directed(columns: Iterable[ColumnElement[Any]], reverse: bool) -> list[ColumnElement[Any]]:
    """To order by."""
    return [column.desc() if reverse else column for column in columns]


def is_beyond(key: Any, place: Any, reverse: bool) -> ColumnElement[bool]:
    """What comes after `place`; both are tuples of SQL."""
    found: ColumnElement[bool] = key < place if reverse else key > place
    return found


def is_within(key: Any, place: Any, reverse: bool) -> ColumnElement[bool]:
    """What comes before `place`, and that itself."""
    found: ColumnElement[bool] = key >= place if reverse else key <= place
    return found
