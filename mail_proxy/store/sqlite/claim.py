"""`claim`: lease due messages of an account."""

# ruff: noqa: S608 - statements are built of our own constants; values travel as parameters

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from mail_proxy.domain.limits import Allowance, Limit, allowance
from mail_proxy.domain.state import Event, RecipientState, State, sources, target
from mail_proxy.store.counting import Differences
from mail_proxy.store.keys import next_pk
from mail_proxy.store.schema import WHOLE_TENANT
from mail_proxy.store.sqlite.driver import driver, write_counts
from mail_proxy.store.sqlite.limits import limits_of, uses
from mail_proxy.store.sqlite.reject import CHUNK, NOBODY_HAS_IT, reject_statement, tell_rejected
from mail_proxy.store.sqlite.renewals import tell_renewals
from mail_proxy.store.values import (
    Claim,
    Claimed,
    Daemon,
    PendingRecipient,
    RecipientRow,
    Rejected,
)

PRIORITIES = range(4)  # immediate, high, medium, low
NOTHING = Claim((), None)

# Content that comes with one claim: 250 texts of 2 KiB. What is beyond is read when it is begun, so
# memory is bounded by the accounts at work and the connections, whatever the mails are.
CONTENT_BUDGET_BYTES = 512 * 1024


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
        _probe(columns, p, condition.format(priority=p), limit) for p in PRIORITIES
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

# SQLite's max of several values is NULL where one of them is.
QUEUED_AT = "max(created_at, coalesce(deferred_ts, 0), coalesce(retried_at, 0))"


def _lease_statement(chosen: str) -> str:
    # As BLOB: bytes that are no UTF-8, written by a stranger's hand, would fail the whole claim.
    return f"""
UPDATE messages
SET state = '{State.LEASED.value}', lease_token = :token, lease_daemon = :daemon, updated_at = :now
WHERE tenant_id = :tenant_id AND pk IN (
  SELECT pk FROM ({chosen}
)
RETURNING pk, id, priority, tries, created_at, {QUEUED_AT} AS queued_at, expires_at,
  CAST(rfc_message_id AS BLOB) AS rfc_message_id, CAST(return_path AS BLOB) AS return_path,
  due_at, batch_code, lapses, size_bytes
"""


LEASE = _lease_statement(
    _probes("m.priority, m.due_at, m.pk", "m.due_at <= :now AND {priority} <= :lowest", ":limit")
    + """
  ) ORDER BY priority, due_at, pk LIMIT :limit"""
)

LEASE_LOWER = _lease_statement(
    _probes("m.priority, m.due_at, m.pk", "m.due_at <= :now", ":lower")
    + f"""
  ) WHERE priority > (
    SELECT min(priority) FROM ({_probes("m.priority", "m.due_at <= :now", "1")}
    )
  ) ORDER BY due_at, pk LIMIT :lower"""
)

_REJECTABLE = _probes("m.pk", f"m.due_at <= :now AND {NOBODY_HAS_IT}", str(CHUNK))
REJECT = reject_statement(f"SELECT pk FROM ({_REJECTABLE}) LIMIT {CHUNK}")

URGENT = _probe("1", PRIORITIES[0], "m.due_at <= :now", "1")

NEXT_DUE = f"""
SELECT min(due_at) FROM ({_probes("m.due_at", "TRUE", "1")}
)
"""

RECIPIENTS = """
SELECT r.message_pk, r.position, CAST(r.address AS BLOB), r.state, r.reply_code,
  CAST(r.reply AS BLOB)
FROM json_each(?) AS wanted CROSS JOIN recipients AS r
WHERE r.tenant_id = ? AND r.message_pk = wanted.value
ORDER BY r.message_pk, r.position
"""

CONTENTS = """
SELECT c.message_pk, CAST(c.payload AS BLOB)
FROM json_each(?) AS wanted CROSS JOIN contents AS c
WHERE c.tenant_id = ? AND c.message_pk = wanted.value
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
    lowest: int = PRIORITIES[-1]
    renewal: Daemon | None = None


class _Leased(NamedTuple):
    """What LEASE returns of a message."""

    pk: int
    id: str
    priority: int
    tries: int
    created_at: float
    queued_at: float
    expires_at: float | None
    rfc_message_id: bytes
    return_path: bytes
    due_at: float
    batch_code: str | None
    lapses: int
    size_bytes: int

    def order(self) -> tuple[int, float, int]:
        return self.priority, self.due_at, self.pk


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
    lower = _leased(db.execute(LEASE_LOWER, values)) if request.lower else []
    values["limit"] = limit - len(lower)
    by_order = _leased(db.execute(LEASE, values))
    leased = sorted(lower + by_order, key=_Leased.order)
    if not leased:
        return (), frozenset()
    _count(db, request, [row.priority for row in leased], State.LEASED)
    is_their_turn = len({row.priority for row in by_order}) > 1 or len(leased) < limit
    out_of_turn = frozenset(() if is_their_turn else (row.pk for row in lower))
    return _claimed(db, request, leased, values["token"]), out_of_turn


def _leased(rows: Iterable[Sequence[Any]]) -> list[_Leased]:
    return [_Leased(*row) for row in rows]


def _reject(db: sqlite3.Connection, request: ClaimRequest) -> tuple[Rejected, ...]:
    where = request._asdict()
    rows = db.execute(REJECT, where).fetchall()
    _count(db, request, [priority for _, _, priority, _ in rows], target(Event.REJECT))
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


def _claimed(
    db: sqlite3.Connection, request: ClaimRequest, leased: Sequence[_Leased], token: int
) -> tuple[Claimed, ...]:
    wanted = json.dumps([row.pk for row in leased])
    pending, settled = recipients(db, (wanted, request.tenant_id))
    brought = _within_budget(leased)
    found = db.execute(CONTENTS, (json.dumps(brought), request.tenant_id))
    # Without its content a message fails by itself; it must not block its account.
    contents = dict.fromkeys(brought, b"") | {pk: payload or b"" for pk, payload in found}
    return tuple(
        Claimed(
            tenant_id=request.tenant_id,
            pk=row.pk,
            id=row.id,
            account_id=request.account_id,
            priority=row.priority,
            tries=row.tries,
            created_at=row.created_at,
            queued_at=row.queued_at,
            expires_at=row.expires_at,
            rfc_message_id=as_text(row.rfc_message_id),
            return_path=as_address(row.return_path),
            recipients=tuple(pending[row.pk]),
            content=contents.get(row.pk),
            lease_token=token,
            due_at=row.due_at,
            settled=tuple(settled[row.pk]),
            batch_code=row.batch_code,
            lapses=row.lapses,
        )
        for row in leased
    )


def _within_budget(leased: Sequence[_Leased]) -> list[int]:
    """The messages whose content comes with the claim, in its order."""
    left = CONTENT_BUDGET_BYTES
    brought = []
    for row in leased:
        if row.size_bytes <= left:
            left -= row.size_bytes
            brought.append(row.pk)
    return brought


def as_text(stored: bytes) -> str:
    """As written; what is no UTF-8 stays visible."""
    return stored.decode("utf-8", "backslashreplace")


def as_address(stored: bytes) -> str:
    """As written; what is no UTF-8 becomes what cannot be encoded, so that nobody is sent to."""
    return stored.decode("utf-8", "surrogateescape")


def recipients(
    db: sqlite3.Connection, wanted: tuple[str, str]
) -> tuple[dict[int, list[PendingRecipient]], dict[int, list[RecipientRow]]]:
    """By message: those still to be sent to, and those that earlier attempts settled."""
    pending: dict[int, list[PendingRecipient]] = defaultdict(list)
    settled: dict[int, list[RecipientRow]] = defaultdict(list)
    for pk, position, address, state, code, reply in db.execute(RECIPIENTS, wanted):
        if state == RecipientState.PENDING:
            pending[pk].append(PendingRecipient(position, as_address(address)))
        else:
            said = None if reply is None else as_text(reply)
            row = RecipientRow(position, as_address(address), RecipientState(state), code, said)
            settled[pk].append(row)
    return pending, settled
