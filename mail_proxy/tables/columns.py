"""What a list shows: its columns, and how one cell looks to a person and to a program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mail_proxy.domain import units
from mail_proxy.domain.safe_text import safe_text

Record = Mapping[str, Any]
Show = Callable[[Any, float], str]  # value, now -> what a person reads


def show_text(value: object, _now: float) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(safe_text(item) for item in value)
    return "-" if value is None or value == "" else safe_text(value)


def show_age(value: object, now: float) -> str:
    return units.age(value, now)


def show_until(value: object, now: float) -> str:
    return units.until(value, now)


def show_local_time(value: object, _now: float) -> str:
    return units.local_time(value)


def show_count(value: object, _now: float) -> str:
    return units.count(value) if isinstance(value, int) else show_text(value, 0.0)


def show_recipients(value: object, _now: float) -> str:
    """The first, and how many more."""
    many = value if isinstance(value, list | tuple) else [value] if value else []
    if not many:
        return "-"
    more = f" +{len(many) - 1}" if len(many) > 1 else ""
    return safe_text(many[0]) + more


def show_object(value: object, now: float) -> str:
    """Any value in a detail view; an object as `name=value` pairs."""
    if isinstance(value, Mapping):
        return ", ".join(f"{safe_text(k)}={show_object(v, now)}" for k, v in value.items()) or "-"
    if isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        return "; ".join(show_object(item, now) for item in value)
    return show_text(value, now)


def show_durations(value: object, now: float) -> str:
    """Seconds, one number or several."""
    if isinstance(value, list | tuple):
        return ", ".join(show_durations(item, now) for item in value) or "-"
    if not isinstance(value, int | float) or value < 1:
        return show_text(value, now)
    return units.duration(value)


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    key: the name in the record, in JSON and for --fields.
    show: how a person reads the value; programs get it whole.
    drop: on a narrow terminal the highest goes first; 0 goes last, the rightmost before others.
    is_id: never cut, never dropped.
    least: as narrow as this it may be cut.
    """

    key: str
    title: str = ""
    show: Show = show_text
    drop: int = 0
    is_id: bool = False
    right: bool = False
    least: int = 8

    @property
    def heading(self) -> str:
        return (self.title or self.key.replace("_", " ")).upper()


def detail_columns(record: Record) -> list[Column]:
    """A column for each field of one thing; times in the local zone, waits with their units."""
    return [_detail_column(key, record) for key in record]


_DURATIONS = frozenset({"max_age", "retry_delays", "ttl"})


def _detail_column(key: str, record: Record) -> Column:
    if is_time(key):
        bare = _without_unit(key)
        # `last_error` and `last_error_ts` are two lines, with two names.
        title = f"{bare} at" if bare.replace(" ", "_") in record else bare
        return Column(key, title, show_local_time)
    return Column(key, show=show_durations if key in _DURATIONS else show_object)


def _without_unit(key: str) -> str:
    return key.removesuffix("_ts").removesuffix("_at").replace("_", " ")


def is_time(key: str) -> bool:
    """Whether a field holds a time, by its name."""
    return key.endswith(("_ts", "_at", "_until"))


def for_programs(value: Any, key: str = "") -> Any:
    """A value with its times as RFC 3339, also inside lists and objects."""
    if isinstance(value, Mapping):
        return {name: for_programs(item, str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [for_programs(item) for item in value]
    if is_time(key) and value is not None:
        return units.rfc3339(value) or value
    return value


def flat(value: Any, key: str = "") -> str:
    """A value as one cell of plain or CSV output; lists by comma, objects as JSON."""
    value = for_programs(value, key)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return ",".join(str(item) for item in value)
    if isinstance(value, list | dict):
        import json  # costs 5 ms that most commands do not need

        return json.dumps(value, sort_keys=True)
    return str(value)
