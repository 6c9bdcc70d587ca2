"""The answers that are the same for many commands, and how times are written."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict


class Ok(TypedDict):
    ok: Literal[True]


class Failure(TypedDict):
    """What went wrong. `failure.py` makes it.

    error: one sentence. code: one word, for programs. field: the field that is wrong. hint: what to
    do next. detail: the sentence again; of a body that cannot be read, a list of its faults; of a
    batch of which no message was taken, `{"error": ..., "rejected": [...]}`.
    limit, retry_after_s: of too much at once, which limit was reached and when to come again.
    """

    ok: Literal[False]
    error: str
    detail: Any
    code: str
    field: NotRequired[str]
    hint: NotRequired[str]
    limit: NotRequired[str]
    retry_after_s: NotRequired[int]


OK: Ok = {"ok": True}


def iso_time(timestamp: float) -> str:
    """Seconds since the epoch as this wire writes them: ISO 8601 in UTC without a zone."""
    moment = datetime.fromtimestamp(timestamp, UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds")


def whole_seconds(timestamp: float | None) -> int | None:
    """A time that has been, cut to the second."""
    return None if timestamp is None else int(timestamp)


def not_before(timestamp: float) -> int:
    """A time to come, in whole seconds: never early."""
    return math.ceil(timestamp)


def without_nulls(record: dict[str, Any]) -> dict[str, Any]:
    """Optional fields that are null are left out: clients test for the key."""
    return {key: value for key, value in record.items() if value is not None}
