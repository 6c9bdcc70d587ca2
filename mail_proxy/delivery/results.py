"""Tells the rest of the house what was written: metrics, log, results, reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from mail_proxy.delivery.finish import Ended
from mail_proxy.delivery.ring import Key
from mail_proxy.domain.limits import REJECTED
from mail_proxy.domain.state import Event
from mail_proxy.domain.units import LATEST_TS
from mail_proxy.observe import events
from mail_proxy.observe.labels import Labels
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.observe.news import News
from mail_proxy.store import Claimed, Ending, MessageRow, Outcome, Rejected

_STATUS = {  # on the wire
    Event.ACCEPT: "sent",
    Event.FAIL: "error",
    Event.DEFER: "deferred",
    Event.RESEND: "deferred",
    Event.DOUBT: "in_doubt",
}

_KIND = {  # in the news
    Event.ACCEPT: "sent",
    Event.FAIL: "failed",
    Event.DEFER: "deferred",
    Event.RESEND: "in_doubt",
    Event.DOUBT: "in_doubt",
    Event.PARK: "held",
}


class Told:
    """Called once for each outcome, after it is on the disk."""

    def __init__(
        self,
        metrics: MailMetrics,
        on_result: Callable[[dict[str, Any]], None],
        on_event: Callable[[str], None],
        *,
        news: News,
    ) -> None:
        self._metrics = metrics
        self._news = news
        self._on_result = on_result
        self._on_event = on_event
        self._labels: dict[Key, Labels] = {}

    def name(self, key: Key, tenant_name: str | None) -> None:
        """An account is at work: show its series, under its tenant's name."""
        self._labels[key] = self._metrics.declare(key[0], tenant_name, key[1])

    def ended(self, ended: Ended, *, is_ours: bool) -> None:
        message, outcome, _ = ended
        if (kind := _KIND.get(outcome.event)) is not None:
            words = outcome.error or (outcome.events[0].description if outcome.events else "")
            self._news.put(kind, message.tenant_id, message.account_id, message.id, words)
        status = _STATUS.get(outcome.event)
        if status is None:
            return
        if not is_ours:
            self._metrics.lease_lost()
        self._count(message, outcome)
        self._trouble((message.tenant_id, message.account_id), outcome.error)
        _log(ended)
        self._on_result(_result(message, outcome, status))
        if any(event.reportable for event in outcome.events):
            self._on_event(outcome.tenant_id)

    def given_up(self, row: MessageRow, ending: Ending) -> None:
        """A message has ended without an attempt."""
        whose = self._labels.get((row.tenant_id, row.account_id))
        is_sent = ending.error is None  # somebody had it before
        if whose is not None:  # else its account is gone, or has not been at work since the start
            (self._metrics.sent if is_sent else self._metrics.error)(whose)
            self._trouble((row.tenant_id, row.account_id), ending.error)
        (event,) = ending.events
        events.message_failed(row, why=event.description, tries=row.tries)
        kind = "sent" if is_sent else "failed"
        self._news.put(kind, row.tenant_id, row.account_id, row.id, event.description)
        self._on_result(_ended_entry(row, ending))
        self._on_event(row.tenant_id)

    def limit_reached(self, key: Key, *, why: str, pause_s: float) -> None:
        """An account waits for one of its limits."""
        events.limit_reached(*key, why=why, pause_s=pause_s)
        self._metrics.rate_limited(self._labels[key])
        self._news.put("limited", *key, words=why)

    def limit_over(self, key: Key) -> None:
        """It waits no longer."""
        self._news.put("resumed", *key, words="its limit has room again")

    def paused(self, key: Key, *, why: str, pause_s: float) -> None:
        """A fault of the account."""
        events.account_paused(*key, why=why, pause_s=pause_s)
        self._trouble(key, why)
        self._news.put("paused", *key, words=why)

    def resumed(self, key: Key) -> None:
        """The account works again."""
        events.account_resumed(*key)
        self._news.put("resumed", *key, words="it works again")

    def rejected(self, messages: Sequence[Rejected]) -> None:
        """They end, because their account's limits reject."""
        for message in messages:
            whose = self._labels[message.tenant_id, message.account_id]
            self._metrics.error(whose)
            events.message_failed(message, why=REJECTED, tries=message.tries)
            self._news.put("failed", message.tenant_id, message.account_id, message.id, REJECTED)
            self._on_result(_rejection(message))
        for tenant_id, account_id in {(m.tenant_id, m.account_id) for m in messages}:
            self._metrics.rate_limited(self._labels[tenant_id, account_id])
            self._on_event(tenant_id)

    def _trouble(self, key: Key, words: str | None) -> None:
        if words and (whose := self._labels.get(key)) is not None:
            self._metrics.trouble(whose, words)

    def _count(self, message: Claimed, outcome: Outcome) -> None:
        whose = self._labels[message.tenant_id, message.account_id]
        is_marked = any(event.data.get("in_doubt") for event in outcome.events)
        if outcome.event is Event.DOUBT or is_marked:
            self._metrics.in_doubt(whose)
        if outcome.event is Event.ACCEPT:
            self._metrics.sent(whose)
        elif outcome.event is Event.FAIL:
            self._metrics.error(whose)
        elif outcome.event is not Event.DOUBT:
            self._metrics.deferred(whose)


def _log(ended: Ended) -> None:
    message, outcome, seconds = ended
    why = outcome.error or ""
    tries = message.tries + 1
    match outcome.event:
        case Event.ACCEPT:
            reply = outcome.events[0].description
            events.message_sent(message, reply=reply, tries=tries, seconds=seconds)
        case Event.FAIL:
            events.message_failed(message, why=why, tries=tries)
        case Event.DOUBT:
            events.mail_in_doubt(message, why=why, policy="hold")
        case Event.RESEND:
            events.mail_in_doubt(message, why=why, policy="resend")
        case _:
            events.message_deferred(message, why=why, tries=tries, due_at=outcome.due_at or 0.0)


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


def _ended_entry(row: MessageRow, ending: Ending) -> dict[str, Any]:
    (event,) = ending.events
    entry: dict[str, Any] = {
        "id": row.id,
        "tenant_id": row.tenant_id,
        "status": event.event_type,
        "timestamp": _iso(event.event_ts),
        "account": row.account_id,
    }
    if ending.error is not None:
        entry["error"] = ending.error
    return entry


def _rejection(message: Rejected) -> dict[str, Any]:
    return {
        "id": message.id,
        "tenant_id": message.tenant_id,
        "status": "error",
        "timestamp": _iso(message.rejected_at),
        "account": message.account_id,
        "error": REJECTED,
    }


def _iso(at: float) -> str:
    return _iso_second(int(min(at, LATEST_TS)))  # a plan of waits may lead beyond


@lru_cache(maxsize=64)
def _iso_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat().replace("+00:00", "Z")
