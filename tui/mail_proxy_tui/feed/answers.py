"""From the daemon's answers to the values of `base`. Pure.

What an older daemon does not tell is None, or not there; nothing here insists on an optional field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from mail_proxy.domain.state import State
from mail_proxy_tui.feed.base import (
    AccountRow,
    AccountState,
    Callback,
    CallbackState,
    Cells,
    Gauge,
    Happening,
    LogLine,
    MessageKey,
    MessageRow,
    Numbers,
    TenantRow,
    Totals,
)

Answer = Mapping[str, Any]

_PRIORITIES = range(4)


def numbers(stats: Answer) -> Numbers:
    """From `getStats`."""
    deferred = stats.get("deferred")
    counts = stats.get("by_priority", {})
    by_priority = {
        n: cells(counts.get(str(n), {}), None if deferred is None else deferred.get(str(n), 0))
        for n in _PRIORITIES
    }
    smtp = stats.get("smtp_seconds", {})
    workers = stats.get("workers", {})
    return Numbers(
        now=float(stats["now"]),
        by_priority=by_priority,
        all=cells(stats["by_state"], None if deferred is None else sum(deferred.values())),
        tenants=int(stats["tenants"]),
        accounts=int(stats["accounts"]),
        is_active=bool(stats["scheduler_active"]),
        uptime_s=stats["uptime_seconds"],
        oldest_s=stats.get("oldest_waiting_s"),
        next_retry_s=stats.get("next_retry_s"),
        totals=_totals(stats.get("totals")),
        p50_s=smtp.get("p50"),
        p95_s=smtp.get("p95"),
        workers_busy=workers.get("busy"),
        workers_all=workers.get("all"),
        db_ms=stats.get("db_ms"),
        lag_s=stats.get("lag_s"),
        db_bytes=stats.get("db_bytes"),
        rss_bytes=stats.get("rss_bytes"),
        problem=stats.get("secrets_problem"),
    )


def cells(by_state: Mapping[str, int], deferred: int | None) -> Cells:
    """deferred: how many of the waiting ones are not due; None where nobody says."""

    def n(state: State) -> int:
        return int(by_state.get(state.value, 0))

    waiting = n(State.WAITING)
    # The two were counted one after the other.
    later = None if deferred is None else min(deferred, waiting)
    return Cells(
        ready=waiting - (later or 0),
        deferred=later,
        sending=n(State.LEASED),
        suspended=n(State.SUSPENDED),
        held=n(State.HELD),
        in_doubt=n(State.IN_DOUBT),
        failed=n(State.FAILED),
        sent=n(State.SENT),
        bounced=n(State.BOUNCED),
    )


def _totals(found: Answer | None) -> Totals | None:
    if found is None:
        return None
    return Totals(found["sent"], found["deferred"], found["failed"])


def message_row(record: Answer, most_tries: int | None = None) -> MessageRow:
    """From a record of `listMessages`. most_tries: what its account's plan allows."""
    recipients = [r["address"] for r in record["recipients"]]
    deferred_ts = record.get("deferred_ts")
    trouble = record.get("error") or record.get("last_error") or record.get("held_reason")
    return MessageRow(
        key=MessageKey(record["pk"], record["id"], record["tenant_id"]),
        account_id=record["account_id"],
        state=State(record["state"]),
        status=record["status"],
        priority=record["priority"],
        created_at=moment(record["created_at"]),
        to=recipients[0] if recipients else "",
        more_recipients=max(0, len(recipients) - 1),
        subject=str(record["message"].get("subject") or ""),
        tries=record["tries"],
        most_tries=most_tries,
        next_at=None if deferred_ts is None else float(deferred_ts),
        size_bytes=record["size_bytes"],
        batch_code=record.get("batch_code"),
        why=record.get("why") or trouble or "",
        cause=record.get("why_code") or "",
        do=record.get("do"),
    )


def moment(text: str) -> float:
    """The wire's ISO 8601 without a zone, which is UTC, as seconds since the epoch."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def account_row(record: Answer) -> AccountRow:
    """From a record of `listAccounts`; its `limits` are absent where none is set."""
    limits = record.get("limits", ())
    gauges = limits and tuple(Gauge(each["window"], each["used"], each["limit"]) for each in limits)
    return AccountRow(
        tenant_id=record["tenant_id"],
        account_id=record["id"],
        host=record["host"],
        port=record["port"],
        tls_mode=record["tls_mode"],
        state=_account_state(record),
        reason=record.get("paused_reason") or "",
        until_at=record.get("paused_until_ts"),
        gauges=gauges,
        in_flight=record.get("in_flight"),
        sent_today=record.get("sent_today"),
        failed_today=record.get("failed_today"),
        last_error=record.get("last_error") or "",
        last_error_at=record.get("last_error_ts"),
        has_password=record.get("auth_method", "password") == "password",
    )


def _account_state(record: Answer) -> AccountState:
    match record.get("paused_by"):
        case "person":
            return AccountState.PAUSED
        case "limit":
            return AccountState.LIMITED
        case "fault":
            return AccountState.BROKEN
    return {"open": AccountState.BROKEN, "probing": AccountState.PROBING}.get(
        record.get("breaker", ""), AccountState.OK
    )


def tenant_row(record: Answer, sync: Answer | None) -> TenantRow:
    """From `listTenants` and its part of `getSyncStatus`; nothing is counted."""
    codes = record.get("suspended_batches") or ""
    return TenantRow(
        tenant_id=record["id"],
        name=record.get("name") or "",
        is_active=record["active"],
        suspended=tuple(code for code in codes.split(",") if code),
        callback=Callback() if sync is None else callback(sync),
    )


def counted_tenant(row: TenantRow, stats: Answer, failed_24h: int | None) -> TenantRow:
    """stats: its own `getStats`."""
    of_it = numbers(stats).all
    return replace(
        row,
        ready=of_it.ready,
        deferred=of_it.deferred,
        suspended_messages=of_it.suspended,
        failed_24h=failed_24h,
    )


def callback(sync: Answer) -> Callback:
    """How one tenant's reports go."""
    last = sync.get("last_sync_ts")
    return Callback(
        state=_callback_state(sync),
        last_ok_at=last,
        retry_at=sync.get("retry_at_ts"),
        failures=sync["failures"],
        last_error=sync.get("last_error") or "",
        unreported=sync["unreported"],
        parked=sync["parked"],
    )


def _callback_state(sync: Answer) -> CallbackState:
    if sync["paused"]:
        return CallbackState.PAUSED
    if sync["failures"]:
        return CallbackState.FAILING
    if sync.get("last_sync_ts") is not None:
        return CallbackState.OK
    return CallbackState.IDLE if sync.get("client_base_url") else CallbackState.NONE


def happening(event: Answer, now: float) -> Happening:
    """From an event of `streamEvents`; `now` where it has no time of its own."""
    return Happening(
        at=float(event.get("ts", now)),
        kind=event["kind"],
        tenant_id=event.get("tenant_id", ""),
        account_id=event.get("account_id", ""),
        message_id=event.get("id", ""),
        words=event.get("words", ""),
        n=event.get("n", 1),
        number=event.get("stream_id"),
        counts=dict(event.get("counts", {})),
    )


def log_line(record: Answer) -> LogLine:
    """From a record of `getLogs`."""
    return LogLine(record["line"], record.get("time", ""), record.get("level", ""))
