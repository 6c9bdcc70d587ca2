"""Tells the rest of the house what was written: metrics, log, results, reports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from mail_proxy.delivery.ring import Key
from mail_proxy.domain.state import Event
from mail_proxy.observe import events
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.store import Claimed, Outcome

_STATUS = {
    Event.ACCEPT: "sent",
    Event.FAIL: "error",
    Event.DEFER: "deferred",
    Event.RESEND: "deferred",
    Event.DOUBT: "in_doubt",
}


class Told:
    """Called once for each outcome, after it is on the disk."""

    def __init__(
        self,
        metrics: MailMetrics,
        on_result: Callable[[dict[str, Any]], None],
        on_event: Callable[[str], None],
    ) -> None:
        self._metrics = metrics
        self._on_result = on_result
        self._on_event = on_event
        self._names: dict[str, str | None] = {}

    def name(self, key: Key, tenant_name: str | None) -> None:
        """Remember a tenant's name for the labels of its metrics."""
        self._names[key[0]] = tenant_name

    def outcome(self, message: Claimed, outcome: Outcome, *, is_ours: bool) -> None:
        status = _STATUS.get(outcome.event)
        if status is None:
            return
        if not is_ours:
            self._metrics.lease_lost()
        self._count(message, outcome)
        self._log(message, outcome)
        self._on_result(_result(message, outcome, status))
        if any(event.reportable for event in outcome.events):
            self._on_event(outcome.tenant_id)

    def _count(self, message: Claimed, outcome: Outcome) -> None:
        labels = (message.tenant_id, self._names.get(message.tenant_id), message.account_id)
        if outcome.event in (Event.RESEND, Event.DOUBT):
            self._metrics.in_doubt()
        if outcome.event is Event.ACCEPT:
            self._metrics.sent(*labels)
        elif outcome.event is Event.FAIL:
            self._metrics.error(*labels)
        elif outcome.event is not Event.DOUBT:
            self._metrics.deferred(*labels)

    def _log(self, message: Claimed, outcome: Outcome) -> None:
        fields = {
            "tenant": message.tenant_id,
            "account": message.account_id,
            "message": message.id,
            "pk": message.pk,
        }
        why = outcome.error or ""
        if outcome.event is Event.ACCEPT:
            events.message_sent(**fields, reply=outcome.events[0].description)
        elif outcome.event is Event.FAIL:
            events.message_failed(**fields, why=why)
        elif outcome.event is Event.DOUBT:
            events.message_in_doubt(**fields, why=why)
        else:
            events.message_deferred(**fields, why=why, due_at=outcome.due_at or 0.0)


def _result(message: Claimed, outcome: Outcome, status: str) -> dict[str, Any]:
    at = outcome.events[0].event_ts if outcome.events else 0.0
    entry: dict[str, Any] = {
        "id": message.id,
        "tenant_id": message.tenant_id,
        "status": status,
        "timestamp": _iso(at),
        "account": message.account_id,
    }
    if outcome.error is not None:
        entry["error"] = outcome.error
    if outcome.error_code is not None:
        entry["smtp_code"] = outcome.error_code
    if outcome.due_at is not None:
        entry["retry_count"] = message.tries + 1
        entry["deferred_until"] = _iso(outcome.due_at)
    return entry


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
