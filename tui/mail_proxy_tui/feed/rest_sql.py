"""What is read from the file at rest: statements, and their rows as the daemon's answers.

The answers are those of the wire, so that `answers` and `letters` read both. Pure.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mail_proxy.domain.limits import pause_kind
from mail_proxy.domain.state import FINAL, State, wire_status
from mail_proxy.wire.answers import iso_time
from mail_proxy_tui.feed.base import Order

Row = Mapping[str, Any]

CANDIDATES = 20_000  # of those that match so many are sorted and counted, at most

COUNTS = "SELECT tenant_id, priority, state, sum(n) AS n FROM counts{} GROUP BY 1, 2, 3"
# Of an index alone: no row is read.
WAITING = (
    "SELECT priority, due_at > ? AS is_later, count(*) AS n, min(due_at) AS first_at "
    "FROM messages WHERE state = 'waiting'{} GROUP BY 1, 2"
)
LATER = (
    "SELECT tenant_id, count(*) AS n FROM messages WHERE state = 'waiting' AND due_at > ? "
    "GROUP BY 1"
)
TENANTS = "SELECT tenant_id, name, active, client_base_url FROM tenants ORDER BY tenant_id"
SUSPENSIONS = "SELECT tenant_id, batch_code FROM suspensions ORDER BY tenant_id, batch_code"
SYNCED = "SELECT tenant_id, last_sync_ts, retry_at, failures, last_error, paused FROM sync_state"
# One half for each partial index, which SQLite takes where it sees the literal.
REPORTS = (
    "SELECT tenant_id, 'pending' AS report_state, count(*) AS n FROM events "
    "INDEXED BY events_unreported WHERE report_state = 'pending' GROUP BY 1 UNION ALL "
    "SELECT tenant_id, 'parked' AS report_state, count(*) AS n FROM events "
    "INDEXED BY events_parked WHERE report_state = 'parked' GROUP BY 1"
)
ACCOUNTS = (
    "SELECT tenant_id, account_id, host, port, tls_mode, paused_until, paused_reason, "
    "stopped_at, stopped_reason, failures FROM accounts{} ORDER BY tenant_id, account_id"
)
RECIPIENTS = (
    "SELECT address, state, reply_code, reply FROM recipients "
    "WHERE tenant_id = ? AND message_pk = ? ORDER BY position"
)
EVENTS = (
    "SELECT pk, event_type, event_ts, description, data, report_state, reported_ts FROM events "
    "WHERE tenant_id = ? AND message_pk = ? ORDER BY pk"
)
CONTENT = "SELECT payload FROM contents WHERE tenant_id = ? AND message_pk = ?"
OF_TENANT = " WHERE tenant_id = ?"
AND_OF_TENANT = " AND tenant_id = ?"

_COLUMNS = (
    "m.tenant_id, m.pk, m.id, m.account_id, m.state, m.priority, m.due_at, m.batch_code, "
    "m.subject, m.sender, m.size_bytes, m.created_at, m.tries, m.error, m.held_reason, "
    "m.sent_at, m.expires_at, m.request_id, (SELECT a.paused_until FROM accounts a "
    "WHERE a.tenant_id = m.tenant_id AND a.account_id = m.account_id) AS paused_until"
)
_FIRST_RECIPIENT = (
    "(SELECT address FROM recipients r WHERE r.tenant_id = m.tenant_id AND r.message_pk = m.pk "
    "ORDER BY position LIMIT 1) AS first_address, "
    "(SELECT count(*) FROM recipients r WHERE r.tenant_id = m.tenant_id AND r.message_pk = m.pk) "
    "AS n_recipients"
)
# What is on its way, what waits by its time, and then what does not go by itself.
_ORDERS = {
    Order.NEXT: "CASE m.state WHEN 'leased' THEN 0 WHEN 'waiting' THEN 1 WHEN 'suspended' THEN 2 "
    "WHEN 'held' THEN 3 WHEN 'in_doubt' THEN 4 ELSE 5 END {0}, "
    "CASE WHEN m.state = 'waiting' THEN m.due_at END {0}, m.pk {0}",
    Order.AGE: "m.pk {0}",
    Order.PRIORITY: "m.priority {0}, m.pk {0}",
    Order.TENANT: "m.tenant_id {0}, m.priority {0}, m.pk {0}",
}
MESSAGE = f"SELECT {_COLUMNS}, {_FIRST_RECIPIENT} FROM messages m WHERE tenant_id = ? AND id = ?"  # noqa: S608 - constants
ERRORS = (
    f"SELECT {_COLUMNS}, {_FIRST_RECIPIENT} FROM messages m "  # noqa: S608 - constants
    "WHERE m.tenant_id = ? AND m.account_id = ? AND m.error IS NOT NULL "
    "ORDER BY m.error_at DESC LIMIT ?"
)


def count_of(condition: str) -> str:
    """How many match, at most CANDIDATES."""
    return (
        f"SELECT count(*) AS n FROM (SELECT 1 FROM messages m WHERE {condition} LIMIT {CANDIDATES})"  # noqa: S608 - values are parameters
    )


def page_of(condition: str, order: Order, *, is_reversed: bool) -> str:
    """A page of those that match; its last two parameters are LIMIT and OFFSET.

    Nothing changes while it is at rest, so a place in the list is a cursor.
    """
    way = "DESC" if is_reversed else "ASC"
    some = f"SELECT tenant_id, pk FROM messages m WHERE {condition} LIMIT {CANDIDATES}"  # noqa: S608 - values are parameters
    return (
        f"SELECT {_COLUMNS}, {_FIRST_RECIPIENT} FROM messages m "  # noqa: S608 - values are parameters
        f"WHERE (m.tenant_id, m.pk) IN ({some}) ORDER BY {_ORDERS[order].format(way)} "
        "LIMIT ? OFFSET ?"
    )


def stats(
    counted: Sequence[Row], waiting: Sequence[Row], *, tenants: int, accounts: int, now: float
) -> dict[str, Any]:
    """As `getStats` answers. What was leased when the daemon died waits for its recovery."""
    by_state: Counter[str] = Counter()
    by_priority: dict[str, Counter[str]] = {}
    for row in counted:
        by_state[row["state"]] += row["n"]
        by_priority.setdefault(str(row["priority"]), Counter())[row["state"]] += row["n"]
    later = [row for row in waiting if row["is_later"]]
    answer = {
        "now": now,
        "by_state": by_state,
        "by_priority": by_priority,
        "deferred": {str(row["priority"]): row["n"] for row in later},
        "tenants": tenants,
        "accounts": accounts,
        "scheduler_active": True,
        "uptime_seconds": None,
    }
    if due := [row["first_at"] for row in waiting if not row["is_later"]]:
        answer["oldest_waiting_s"] = max(0.0, now - min(due))
    if later:
        answer["next_retry_s"] = min(row["first_at"] for row in later) - now
    return answer


def message_record(row: Row, now: float) -> dict[str, Any]:
    """As `listMessages` tells of it, as far as a list shows it."""
    state = State(row["state"])
    due_at = max(row["due_at"], row["paused_until"] or 0.0)
    is_later = state is State.WAITING and due_at > now
    more = ["" for _ in range(max(0, row["n_recipients"] - 1))]
    addresses = [row["first_address"] or "", *more]
    trouble = {"error" if state is State.FAILED else "last_error": row["error"]}
    record = {
        "pk": str(row["pk"]),
        "id": row["id"],
        "tenant_id": row["tenant_id"],
        "account_id": row["account_id"],
        "status": wire_status(state, is_due=not is_later),
        "state": row["state"],
        "priority": row["priority"],
        "batch_code": row["batch_code"],
        "request_id": row["request_id"],
        "deferred_ts": due_at if is_later else None,
        "expires_ts": row["expires_at"],
        "sent_ts": row["sent_at"],
        "held_reason": row["held_reason"],
        "tries": row["tries"],
        "size_bytes": row["size_bytes"],
        "created_at": iso_time(row["created_at"]),
        "recipients": [{"address": address} for address in addresses],
        "message": {"subject": row["subject"], "from": row["sender"]},
        **({} if state in FINAL - {State.FAILED} else trouble),
    }
    return {name: value for name, value in record.items() if value is not None}


def full_record(
    row: Row, recipients: Sequence[Row], events: Sequence[Row], payload: bytes | None, now: float
) -> dict[str, Any]:
    """As `getMessage` answers."""
    record = message_record(row, now)
    record["recipients"] = [
        {"address": r["address"], "state": r["state"], "code": r["reply_code"], "reply": r["reply"]}
        for r in recipients
    ]
    record["message"] |= _posted(payload)
    record["history"] = [
        {
            "event_type": event["event_type"],
            "event_ts": event["event_ts"],
            "description": event["description"],
            "metadata": json.loads(event["data"]),
            **_report(event),
        }
        for event in events
    ]
    return record


def _report(event: Row) -> dict[str, Any]:
    """What became of its report; the time is that of its end."""
    name = {"reported": "reported_ts", "parked": "parked_ts"}.get(event["report_state"])
    return {"report": event["report_state"]} | ({name: event["reported_ts"]} if name else {})


def _posted(payload: bytes | None) -> dict[str, Any]:
    """What the application posted, without the octets of attachments and their credentials."""
    posted: dict[str, Any] = json.loads(payload) if payload else {}
    for name in ("spool", "raw"):
        posted.pop(name, None)
    if "attachments" in posted:
        posted["attachments"] = [{"filename": a.get("filename")} for a in posted["attachments"]]
    return posted


def account_record(row: Row, now: float) -> dict[str, Any]:
    """As `listAccounts` tells of it; limits None: what was used of them is in no table."""
    is_paused = (row["paused_until"] or 0.0) > now
    record: dict[str, Any] = {
        "id": row["account_id"],
        **{name: row[name] for name in ("tenant_id", "host", "port", "tls_mode")},
        "limits": None,
    }
    if row["stopped_at"] is not None:
        return record | {"paused_by": "person", "paused_reason": row["stopped_reason"]}
    if not is_paused:
        return record
    return record | {
        "paused_by": pause_kind(row["paused_reason"]),
        "paused_reason": row["paused_reason"],
        "paused_until_ts": row["paused_until"],
    }
