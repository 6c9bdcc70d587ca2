"""The record of one message, as all faces show it."""

from __future__ import annotations

import json
from typing import Any

from mail_proxy.domain.state import FINAL, State, wire_status
from mail_proxy.domain.why import PLAIN
from mail_proxy.operations.causes import Causes
from mail_proxy.operations.context import Context
from mail_proxy.operations.shown_attachments import shown_attachments
from mail_proxy.store.values.events import EventRow
from mail_proxy.store.values.messages import MessageRow, RecipientRow
from mail_proxy.wire.answers import iso_time, not_before, whole_seconds, without_nulls
from mail_proxy.wire.messages import HistoryEntry, MessageEvent, MessageRecord, RecipientRecord


class Records:
    """Makes records within one command; what it reads of accounts is kept for the next row."""

    def __init__(self, ctx: Context, *, with_history: bool) -> None:
        self._directory = ctx.directory
        self._with_history = with_history
        self._causes = Causes(ctx)
        self.now = self._causes.now

    async def record(self, row: MessageRow) -> MessageRecord:
        due_at = await self._due_at(row)
        directory = self._directory
        record: dict[str, Any] = {
            "pk": str(row.pk),
            "id": row.id,
            "tenant_id": row.tenant_id,
            "tenant_name": directory.name_of(row.tenant_id),
            "account_id": row.account_id,
            "status": wire_status(row.state, is_due=due_at <= self.now),
            "state": row.state.value,
            "priority": row.priority,
            "batch_code": row.batch_code,
            "request_id": row.request_id,
            "deferred_ts": not_before(due_at) if due_at > self.now else None,
            "expires_ts": whole_seconds(row.expires_at),
            "sent_ts": whole_seconds(row.sent_at),
            **_trouble(row),
            **await self._why(row),
            **_reported(row.events),
            "tries": row.tries,
            "max_tries": await self._causes.max_tries(row),
            "size_bytes": row.size_bytes,
            "created_at": iso_time(row.created_at),
            "updated_at": iso_time(row.updated_at),
            "is_pec": directory.is_pec(row.tenant_id, row.account_id),
            "recipients": [_recipient(r) for r in row.recipients],
            "message": _posted(row),
            "history": [_history(e) for e in row.events] if self._with_history else None,
        }
        return without_nulls(record)  # type: ignore[return-value]  # a dict of exactly these keys

    async def _due_at(self, row: MessageRow) -> float:
        """When it may be tried: its own time or the end of its account's pause; else 0."""
        if row.state is State.SUSPENDED:
            return row.due_at
        if row.state is not State.WAITING:
            return 0.0
        return max(row.due_at, await self._causes.pause_of(row))

    async def _why(self, row: MessageRow) -> dict[str, Any]:
        if row.state in (State.SENT, State.BOUNCED):
            return {}
        found = await self._causes.why(row)
        if found.cause in PLAIN:
            return {}
        return {"why": found.text, "why_code": found.cause.value, "do": found.do}


def event_record(event: EventRow) -> MessageEvent:
    return {
        "event_id": str(event.pk),
        "event_type": event.event_type,
        "event_ts": int(event.event_ts),
        "event_data": event.data,
    }


def _trouble(row: MessageRow) -> dict[str, Any]:
    """`error` only of a failed one: clients take a message with an error for lost."""
    if row.state is State.FAILED:
        return {
            "error": row.error,
            "error_code": row.error_code,
            "error_ts": whole_seconds(row.error_at),
        }
    return {"last_error": row.error, "held_reason": row.held_reason}


def _reported(events: tuple[EventRow, ...]) -> dict[str, Any]:
    """When the latest news was acknowledged, and what a bounce said."""
    told = [event for event in events if event.is_to_be_told]
    found: dict[str, Any] = {}
    if told:
        found["reported_ts"] = whole_seconds(told[-1].acknowledged_at)
    bounces = [event for event in events if event.event_type == "bounce"]
    if bounces:
        found["bounce_ts"] = int(bounces[-1].event_ts)
        for name in ("bounce_type", "bounce_code", "bounce_reason"):
            found[name] = bounces[-1].data.get(name)
    return found


def _recipient(row: RecipientRow) -> RecipientRecord:
    record = {
        "address": row.address,
        "state": row.state.value,
        "code": row.reply_code,
        "reply": row.reply,
    }
    return without_nulls(record)  # type: ignore[return-value]  # a dict of exactly these keys


def _history(event: EventRow) -> HistoryEntry:
    record = {
        "event_id": str(event.pk),
        "event_type": event.event_type,
        "event_ts": int(event.event_ts),
        "description": event.description,
        "metadata": event.data,
        "report": event.report_state if event.is_to_be_told else None,
        "reported_ts": whole_seconds(event.acknowledged_at),
        "parked_ts": whole_seconds(event.parked_at),
    }
    return without_nulls(record)  # type: ignore[return-value]  # a dict of exactly these keys


def _posted(row: MessageRow) -> dict[str, Any]:
    """What the application posted, put together again from the row and its content."""
    # A brief look has no content; the row knows what lists show.
    content: dict[str, Any] = {"from": row.sender, "subject": row.subject}
    if row.content:
        content = json.loads(row.content)
    content.pop("spool", None)
    if isinstance(content.get("raw"), dict):
        content["raw"] = {"size_bytes": content["raw"]["spooled"][1]}
    if "attachments" in content:
        content["attachments"] = shown_attachments(content["attachments"])
    retries = row.tries - 1 if row.state in FINAL else row.tries
    return without_nulls(
        {
            "id": row.id,
            "tenant_id": row.tenant_id,
            "account_id": row.account_id,
            "priority": row.priority,
            "batch_code": row.batch_code,
            "deferred_ts": row.deferred_ts,
            "expires_ts": whole_seconds(row.expires_at),
            **content,
            "retry_count": retries if retries > 0 else None,
        }
    )
