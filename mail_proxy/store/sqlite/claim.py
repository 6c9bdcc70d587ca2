"""`claim`: lease due messages of an account."""

# ruff: noqa: S608 - statements are built of our own constants; values travel as parameters

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from mail_proxy.domain.limits import Allowance, Limit, allowance
from mail_proxy.domain.message import IMMEDIATE, LOWEST_PRIORITY, PRIORITIES
from mail_proxy.domain.state import Event, State, sources, target
from mail_proxy.store.counting import Differences
from mail_proxy.store.keys import next_pk
from mail_proxy.store.schema import WHOLE_TENANT
from mail_proxy.store.sqlite.driver import driver, write_counts
from mail_proxy.store.sqlite.leased import claimed, rows_of
from mail_proxy.store.sqlite.limits import limits_of, uses
from mail_proxy.store.sqlite.reject import CHUNK, NOBODY_HAS_IT, reject_statement, tell_rejected
from mail_proxy.store.sqlite.renewals import tell_renewals
from mail_proxy.store.values.leases import Daemon
from mail_proxy.store.values.queue import Claim, Claimed, Rejected

NOTHING = Claim((), None)


def in_states(states: frozenset[State]) -> str:
    # As literals: SQLite takes a partial index only where it sees them.
    return "(" + ", ".join(f"'{state.value}'" for state in sorted(states)) + ")"


_WAITING = in_states(sources(Event.CLAIM))

# A batch that was suspended a moment ago still has rows in the index, until they are moved.
_NOT_SUSPENDED = """
  (m.batch_code IS NULL OR NOT EXISTS (
    SELECT 1 FROM suspensions AS s
    WHERE s.tenant_id = m.tenant_id AND s.batch_code = m.batch_code
  ))
"""

# What has expired ends soon by itself (store/ending.py); until then it is not sent.
_NOT_EXPIRED = "(m.expires_at IS NULL OR m.expires_at > :now)"


def _probe(columns: str, priority: int, condition: str, limit: str) -> str:
    """A range of `messages_due`: the first rows of one priority."""
    return f"""
    SELECT * FROM (
      SELECT {columns} FROM messages AS m
      WHERE m.tenant_id = :tenant_id AND m.account_id = :account_id AND m.priority = {priority}
        AND m.state IN {_WAITING} AND {condition} AND {_NOT_SUSPENDED} AND {_NOT_EXPIRED}
      ORDER BY m.due_at, m.pk LIMIT {limit}
    )"""


def _probes(columns: str, condition: str, limit: str) -> str:
    """One probe for each priority; `{priority}` in the condition stands for its number."""
    return "\n    UNION ALL".join(
        _probe(columns, p, condition.format(priority=p), limit) for p in PRIORITIES.values()
    )


# No row: nothing of the tenant may be sent now. Else its limits and the account's.
IS_OPEN = f"""
SELECT t.rate_limits, a.limit_per_minute, a.limit_per_hour, a.limit_per_day, a.limit_behavior
FROM tenants AS t
LEFT JOIN accounts AS a ON a.tenant_id = t.tenant_id AND a.account_id = :account_id
WHERE t.tenant_id = :tenant_id AND t.active AND NOT EXISTS (
  SELECT 1 FROM suspensions AS s
  WHERE s.tenant_id = t.tenant_id AND s.batch_code = '{WHOLE_TENANT}'
)
"""

# The messages to be leased, as one JSON array: a step for each row would be dear (see `driver.py`).
CHOOSE = f"""
SELECT json_group_array(pk) FROM (
  SELECT pk FROM ({
    _probes("m.priority, m.due_at, m.pk", "m.due_at <= :now AND {priority} <= :lowest", ":limit")
}
  ) ORDER BY priority, due_at, pk LIMIT :limit
)
"""

CHOOSE_LOWER = f"""
SELECT json_group_array(pk) FROM (
  SELECT pk FROM ({_probes("m.priority, m.due_at, m.pk", "m.due_at <= :now", ":lower")}
  ) WHERE priority > (
    SELECT min(priority) FROM ({_probes("m.priority", "m.due_at <= :now", "1")}
    )
  ) ORDER BY due_at, pk LIMIT :lower
)
"""

LEASE = f"""
UPDATE messages
SET state = '{State.LEASED.value}', lease_token = :token, lease_daemon = :daemon, updated_at = :now
WHERE tenant_id = :tenant_id AND pk IN (SELECT value FROM json_each(:pks))
"""

_REJECTABLE = _probes("m.pk", f"m.due_at <= :now AND {NOBODY_HAS_IT}", str(CHUNK))
REJECT = reject_statement(f"SELECT pk FROM ({_REJECTABLE}) LIMIT {CHUNK}")

URGENT = _probe("1", IMMEDIATE, "m.due_at <= :now", "1")

NEXT_DUE = f"""
SELECT min(due_at) FROM ({_probes("m.due_at", "TRUE", "1")}
)
"""


class ClaimRequest(NamedTuple):
    """One account's turn; see `Store.claim`."""

    tenant_id: str
    account_id: str
    limit: int
    now: float
    daemon: str
    steady: float  # steady time
    lower: int = 0
    lowest: int = LOWEST_PRIORITY
    renewal: Daemon | None = None


def claim(conn: Connection, requests: Sequence[ClaimRequest]) -> list[Claim]:
    """Lease for each request in turn."""
    db = driver(conn)
    tell_renewals(db, (request.renewal for request in requests if request.renewal is not None))
    return [_claim(db, request) for request in requests]


def _claim(db: sqlite3.Connection, request: ClaimRequest) -> Claim:
    key = {"tenant_id": request.tenant_id, "account_id": request.account_id}
    row = db.execute(IS_OPEN, key).fetchone()
    if row is None:
        return NOTHING
    *columns, behavior = row
    allowed = _allowance(db, request, limits_of(*columns))
    messages, lower = _lease(db, request, allowed.n) if allowed.n else ((), frozenset())
    # More may be due than the limit lets go: it is to blame only when all that it allows is taken.
    limited = allowed.reached if len(messages) == allowed.n else None
    rejected: tuple[Rejected, ...] = ()
    if behavior == "reject" and limited is not None and limited.is_spent:
        rejected = _reject(db, request)
    (next_due_at,) = db.execute(NEXT_DUE, {**key, "now": request.now}).fetchone()
    if limited is None or next_due_at is None or next_due_at > request.now:
        return Claim(messages, next_due_at, rejected=rejected, lower=lower)
    urgent_waits = db.execute(URGENT, request._asdict()).fetchone() is not None
    return Claim(messages, next_due_at, limited, urgent_waits, rejected, lower)


def _allowance(db: sqlite3.Connection, request: ClaimRequest, limits: Sequence[Limit]) -> Allowance:
    if not limits:
        return Allowance(request.limit, None)
    used = uses(db, (request.tenant_id, request.account_id), limits)
    return allowance(used, wanted=request.limit, now=request.steady)


def _lease(
    db: sqlite3.Connection, request: ClaimRequest, limit: int
) -> tuple[tuple[Claimed, ...], frozenset[int]]:
    """In order; and which of them are lower ones out of their turn."""
    values = {**request._asdict(), "token": next_pk(), "lower": min(request.lower, limit)}
    lower = _lease_chosen(db, CHOOSE_LOWER, values) if request.lower else []
    values["limit"] = limit - len(lower)
    by_order = _lease_chosen(db, CHOOSE, values)
    leased = rows_of(db, request.tenant_id, lower + by_order)
    if not leased:
        return (), frozenset()
    _count(db, request, [row.priority for row in leased], State.LEASED)
    out_of_turn = frozenset(lower)
    in_turn = {row.priority for row in leased if row.pk not in out_of_turn}
    is_their_turn = len(in_turn) > 1 or len(leased) < limit
    messages = claimed(db, request.tenant_id, request.account_id, leased, values["token"])
    return messages, frozenset() if is_their_turn else out_of_turn


def _lease_chosen(db: sqlite3.Connection, choose: str, values: dict[str, Any]) -> list[int]:
    (pks,) = db.execute(choose, values).fetchone()
    chosen: list[int] = json.loads(pks)
    if chosen:
        db.execute(LEASE, {**values, "pks": pks})
    return chosen


def _reject(db: sqlite3.Connection, request: ClaimRequest) -> tuple[Rejected, ...]:
    where = request._asdict()
    rows = db.execute(REJECT, where).fetchall()
    _count(db, request, [row[2] for row in rows], target(Event.REJECT))
    return tell_rejected(db, where, rows)


def _count(
    db: sqlite3.Connection, request: ClaimRequest, priorities: Iterable[int], after: State
) -> None:
    differences = Differences()
    for priority in priorities:
        differences.move(
            request.tenant_id, request.account_id, priority, before=State.WAITING, after=after
        )
    write_counts(db, differences)
