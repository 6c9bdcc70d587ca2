"""The JSON of a report, and of the application's answer to it. No I/O."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mail_proxy.store.values.events import EventRow

FULL = "full"  # the report style in which every entry has every key
FULL_KEYS = (
    "tenant_id",
    "id",
    "pk",
    "account_id",
    "priority",
    "sent_ts",
    "error_ts",
    "error",
    "deferred_ts",
    "deferred_reason",
    "bounce_ts",
    "bounce_type",
    "bounce_code",
    "bounce_reason",
    "request_id",
)
_LATEST = 10**11  # seconds since the epoch; more is milliseconds, or a mistake
_GONE = 410


def report(events: Sequence[EventRow], style: str | None) -> dict[str, Any]:
    """The body of a post; without events it is a heartbeat."""
    return {"delivery_report": [entry(event, style) for event in events]}


def encoded(events: Sequence[EventRow], style: str | None) -> bytes:
    """The same as JSON; the same events give the same bytes."""
    text = json.dumps(report(events, style), allow_nan=False, separators=(",", ":"))
    return text.encode("ascii")


def webhook_id(*parts: bytes) -> str:
    """Of what is told, so that a post which comes again has the same, also after a restart."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return f"msg_{digest.hexdigest()[:32]}"


def entry(event: EventRow, style: str | None) -> dict[str, Any]:
    """One event. Applications test for the presence of a key, so only `full` has nulls."""
    told = {
        "id": event.message_id,
        **event.reported,
        "event_id": str(event.pk),
        "tenant_id": event.tenant_id,
        "pk": str(event.message_pk),
        "account_id": event.account_id,
        "priority": event.priority,
    }
    if style == FULL:
        return dict.fromkeys(FULL_KEYS) | told
    return {key: value for key, value in told.items() if value is not None}


def requests_of(events: Iterable[EventRow]) -> list[str]:
    """The requests that brought their messages, each once."""
    found = dict.fromkeys(event.data.get("request_id") for event in events)
    return [request_id for request_id in found if request_id]


def is_named(event: EventRow, names: frozenset[str]) -> bool:
    """The application named this event, by its message's id or pk, or by its own id."""
    return not names.isdisjoint((event.message_id, str(event.message_pk), str(event.pk)))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the application made of a post.

    problem: why the post as a whole comes again; empty when it was taken.
    is_gone: 410, nothing is to be posted any more.
    refused: names of entries that come again although the post was taken.
    rejected_all: the post arrived and was refused by `"ok": false`; its events count a try.
    queued: the application has messages for us, so it wants to be called again soon.
    next_sync_after: no heartbeat before this time; None when it did not say.
    """

    problem: str = ""
    is_gone: bool = False
    refused: frozenset[str] = frozenset()
    rejected_all: bool = False
    queued: bool = False
    next_sync_after: float | None = None


def read_answer(status: int, body: bytes) -> Answer:
    """2xx acknowledges whatever the body, save `"ok": false` and ids in a list `error`."""
    if status == _GONE:
        return Answer(problem="the application answered 410: gone", is_gone=True)
    if not 200 <= status < 300:
        return Answer(problem=f"the application answered {status}")
    said = _object(body)
    queued: Any = said.get("queued")
    return Answer(
        problem="the application answered ok: false" if said.get("ok") is False else "",
        rejected_all=said.get("ok") is False,
        refused=_names(said.get("error")),
        queued=_is_number(queued) and bool(queued > 0),
        next_sync_after=_time(said.get("next_sync_after")),
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _names(error: Any) -> frozenset[str]:
    """Ids of a list: texts, numbers, or objects with an `id`. A counter is no list."""
    if not isinstance(error, list):
        return frozenset()
    ids = (item.get("id") if isinstance(item, dict) else item for item in error)
    return frozenset(str(name) for name in ids if isinstance(name, str) or _is_number(name))


def _time(value: Any) -> float | None:
    return float(value) if _is_number(value) and 0 < value < _LATEST else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
