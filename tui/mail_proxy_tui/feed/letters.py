"""A message in full, from the daemon's record of it or from the database's. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mail_proxy_tui.feed.answers import message_row, moment
from mail_proxy_tui.feed.base import Letter, Recipient, TimelineEntry

MOST_BODY_CHARS = 100_000  # nobody reads more on a screen; `$PAGER` has the same

_HEADERS = (
    ("from", "From"),
    ("to", "To"),
    ("cc", "Cc"),
    ("bcc", "Bcc"),
    ("reply_to", "Reply-To"),
    ("return_path", "Return-Path"),
    ("subject", "Subject"),
    ("content_type", "Content-Type"),
)


def letter(
    record: Mapping[str, Any], explained: Mapping[str, Any] | None, most_tries: int | None
) -> Letter:
    """From `getMessage` and `explainMessage`."""
    posted = record["message"]
    told = explained or {}
    return Letter(
        row=message_row(record, most_tries),
        sender=_listed(posted.get("from")),
        recipients=tuple(
            Recipient(r["address"], r["state"], r.get("reply") or "") for r in record["recipients"]
        ),
        headers=headers_of(posted),
        body=body_of(posted),
        attachments=attachments_of(posted),
        timeline=tuple(timeline(record)),
        raw=json.dumps(record, indent=2, ensure_ascii=False),
        why=told.get("why") or record.get("why") or "",
        do=told.get("do") or record.get("do"),
        until_at=told.get("until_ts"),
        sent_at=record.get("sent_ts"),
        expires_at=record.get("expires_ts"),
        request_id=record.get("request_id"),
    )


def headers_of(posted: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Those that the application posted, in the order of a letter."""
    known = [(name, _listed(posted[key])) for key, name in _HEADERS if posted.get(key)]
    own = posted.get("headers")
    if isinstance(own, dict):
        known += [(str(name), _listed(value)) for name, value in own.items()]
    return tuple(known)


def body_of(posted: Mapping[str, Any]) -> str:
    """The text, else the HTML; empty of a raw message, which lies elsewhere."""
    for key in ("body", "text", "body_text", "html", "body_html"):
        body = posted.get(key)
        if isinstance(body, str) and body:
            return body if len(body) <= MOST_BODY_CHARS else body[:MOST_BODY_CHARS] + "…"
    return ""


def attachments_of(posted: Mapping[str, Any]) -> tuple[str, ...]:
    """Their names."""
    found = posted.get("attachments")
    if not isinstance(found, list):
        return ()
    return tuple(str(a.get("filename") or "attachment") for a in found if isinstance(a, dict))


def timeline(record: Mapping[str, Any]) -> Iterator[TimelineEntry]:
    """What happened to it, oldest first."""
    created_at = moment(record["created_at"])
    yield TimelineEntry(created_at, "accepted", _accepted(record))
    entries: list[TimelineEntry] = []
    before_at = created_at
    for event in record.get("history", ()):
        data = event.get("metadata") or {}
        # The wire cuts times to the second, and nothing is before its acceptance.
        ended = event_entry(event, data, not_before=created_at)
        entries += attempt_entries(data, ended.at, not_before=before_at)
        entries.append(ended)
        entries += report_entries(event, ended.kind, not_before=created_at)
        before_at = ended.at
    yield from sorted(entries, key=lambda entry: entry.at)


def _accepted(record: Mapping[str, Any]) -> str:
    told = [("request", record.get("request_id")), ("batch", record.get("batch_code"))]
    return ", ".join(f"{name} {value}" for name, value in told if value)


def event_entry(
    event: Mapping[str, Any], data: Mapping[str, Any], *, not_before: float
) -> TimelineEntry:
    """One that is kept with the message."""
    next_at = data.get("deferred_ts") if event["event_type"] == "deferred" else None
    return TimelineEntry(
        at=max(float(event["event_ts"]), not_before),
        kind=_kind(event),
        words=str(event.get("description") or ""),
        next_at=None if next_at is None else float(next_at),
    )


def attempt_entries(
    data: Mapping[str, Any], ended_at: float, *, not_before: float
) -> Iterator[TimelineEntry]:
    """The attempt that an event ended: it begins so long before, and after what happened before."""
    attempt = data.get("attempt")
    if attempt:
        seconds = float(attempt["seconds"])
        words = "  ".join(str(attempt[name]) for name in ("server", "tls") if attempt.get(name))
        at = max(ended_at - seconds, not_before)
        yield TimelineEntry(at, "attempt", words, seconds=seconds)


def report_entries(
    event: Mapping[str, Any], kind: str, *, not_before: float
) -> Iterator[TimelineEntry]:
    """What became of its report; nothing where there is nobody to report to."""
    for name, words in (("reported", f"that it is {kind}"), ("parked", "its report was given up")):
        at = event.get(f"{name}_ts")
        if at is not None:
            yield TimelineEntry(max(float(at), not_before), name, words)


def _kind(event: Mapping[str, Any]) -> str:
    kind: str = event["event_type"]
    return {"error": "failed", "bounce": "bounced"}.get(kind, kind)


def _listed(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
