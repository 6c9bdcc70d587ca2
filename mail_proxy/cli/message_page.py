"""One message on a page: what it is, its recipients with their replies, what happened when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mail_proxy.cli.here import Here
from mail_proxy.domain import units
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.tables.columns import Column, for_programs

_LINES = (
    ("state", "status"),
    ("from", "from"),
    ("subject", "subject"),
    ("account", "account_id"),
    ("batch", "batch_code"),
    ("request", "request_id"),
    ("tries", "tries"),
    ("size", "size_bytes"),
    ("created", "created_at"),
    ("next try", "deferred_ts"),
    ("expires", "expires_ts"),
    ("sent", "sent_ts"),
    ("failed", "error_ts"),
    ("error", "error"),
    ("why", "why"),
    ("do", "do"),
    ("last error", "last_error"),
    ("reported", "reported_ts"),
)
_TIMES = frozenset(
    {"created_at", "deferred_ts", "expires_ts", "sent_ts", "error_ts", "reported_ts"}
)
_MARKS = {"sent": "✓", "accepted": "✓", "error": "✗", "refused": "✗", "deferred": "◐"}


def print_message(
    found: Here, message: Mapping[str, Any], events: Sequence[Mapping[str, Any]]
) -> None:
    """For programs one record with `events` in it; for people a page."""
    record = {**message, "events": list(events)}
    if not found.writer.is_for_people or found.options.fields:
        found.writer.record(for_programs(record), [Column(key) for key in record])
        return
    writer = found.writer
    writer.heading(safe_text(message.get("id"), 255))
    for title, key in _LINES:
        if message.get(key) not in (None, "") and not _is_said_elsewhere(key, message):
            line = f"  {title:<10} {_shown(key, message[key], writer.now())}"
            # A command stays whole, to be copied.
            writer.line(line) if key == "do" else writer.prose(line, " " * 13)
    writer.line()
    writer.heading("Recipients")
    for recipient in message.get("recipients") or []:
        writer.prose(_recipient_line(recipient), " " * 14)
    if attachments := message.get("attachments"):
        writer.line()
        writer.heading("Attachments")
        for attachment in attachments:
            writer.line(_attachment_line(attachment))
    writer.line()
    writer.heading("Timeline")
    created = units.local_time(message.get("created_at"))
    writer.line(f"  {created}  {event_mark('')} accepted from the application")
    for event in events:
        writer.prose(event_line(event), " " * 41)


def print_why(found: Here, told: Mapping[str, Any]) -> None:
    """For people the sentence and the command; for programs the whole answer."""
    if not found.writer.is_for_people or found.options.fields:
        found.writer.record(for_programs(told), [Column(key) for key in told if key != "ok"])
        return
    found.writer.prose(safe_text(told.get("why")))
    if told.get("do"):
        found.writer.hint(f"Next: {safe_text(told['do'])}")


def _is_said_elsewhere(key: str, message: Mapping[str, Any]) -> bool:
    """A failed one says why as its error; why it waits may be its last error."""
    if key == "why":
        return bool(message.get("error"))
    return key == "last_error" and str(message[key]) in str(message.get("why") or "")


def _shown(key: str, value: object, now: float) -> str:
    if key == "size_bytes" and isinstance(value, int):
        return units.size(value)
    if key not in _TIMES:
        return safe_text(value)
    at = units.seconds_of(value)
    if at is None:
        return "-"
    distance = f"in {units.duration(at - now)}" if at > now else f"{units.duration(now - at)} ago"
    return f"{units.local_time(value)}  ({distance})"


def _recipient_line(recipient: Mapping[str, Any]) -> str:
    state = safe_text(recipient.get("state"), 20)
    words = [str(recipient[key]) for key in ("code", "reply") if recipient.get(key)]
    # The reply may begin with the code already.
    if len(words) == 2 and words[1].startswith(words[0]):
        words = words[1:]
    reply = safe_text(" ".join(words), 500)
    address = safe_text(recipient.get("address"), 320)
    return f"  {event_mark(state)} {state:<9} {address}  {reply}".rstrip()


def _attachment_line(attachment: Mapping[str, Any]) -> str:
    """Its name, size and type, and where it comes from."""
    size = attachment.get("size_bytes")
    path = attachment.get("storage_path")
    parts = [
        safe_text(attachment.get("filename"), 255),
        units.size(size) if isinstance(size, int) else "",
        safe_text(attachment["mime_type"], 255) if attachment.get("mime_type") else "",
        f"from {safe_text(path, 500)}" if path else "posted",
    ]
    return "  " + "  ".join(part for part in parts if part)


def event_line(event: Mapping[str, Any]) -> str:
    kind = safe_text(event.get("event_type"), 40)
    data = event.get("event_data") or {}
    parts = [safe_text(data[key], 500) for key in _TELLING if data.get(key)]
    if data.get("by"):  # a person did it
        parts += [f"by {safe_text(data['by'], 80)}"]
        parts += [f"as '{safe_text(data['new_id'], 255)}'"] if data.get("new_id") else []
        parts += [f"of '{safe_text(data['of_id'], 255)}'"] if data.get("of_id") else []
    if attempt := data.get("attempt"):
        parts.append(_attempt(attempt))
    if kind == "deferred" and data.get("deferred_ts"):
        parts.append(f"next {_clock(data['deferred_ts'], event.get('event_ts'))}")
    when = units.local_time(event.get("event_ts"))
    return f"  {when}  {event_mark(kind)} {kind:<9} {'  '.join(parts)}".rstrip()


def _attempt(attempt: Mapping[str, Any]) -> str:
    """`smtp.example.test:587 TLSv1.3 in 1.2 s`."""
    words = [safe_text(attempt[key], 300) for key in ("server", "tls") if attempt.get(key)]
    return f"{' '.join(words)} in {attempt.get('seconds', 0):.3g} s"


def _clock(at: object, beside: object) -> str:
    """The time of the day alone, where the day and the zone are those of the time beside it."""
    told, known = units.local_time(at), units.local_time(beside)
    is_same = (told[:_DAY], told[-_ZONE:]) == (known[:_DAY], known[-_ZONE:])
    return told[_DAY + 1 : -_ZONE - 1] if is_same else told


_DAY, _ZONE = len("2026-11-21"), len("+0000")
_TELLING = ("error", "deferred_reason", "bounce_reason", "pec_details", "description")


def event_mark(word: str) -> str:
    return _MARKS.get(word, "○")
