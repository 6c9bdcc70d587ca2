"""What is read of messages that are leased: their rows, recipients and contents.

Each read is one step, whose result is one JSON text (see `driver.py`). SQLite writes numbers with
15 digits there, so times are exact to ten microseconds. Text goes out as BLOB: octets that are no
UTF-8, written by a stranger's hand, would fail the whole read. See `as_stored`.
"""

# ruff: noqa: S608 - statements are built of our own constants; values travel as parameters

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from mail_proxy.domain.safe_text import visible
from mail_proxy.domain.state import RecipientState
from mail_proxy.store.values.messages import RecipientRow
from mail_proxy.store.values.queue import Claimed, PendingRecipient

# Content that comes with one claim: 250 texts of 2 KiB. What is beyond is read when it is begun, so
# memory is bounded by the accounts at work and the connections, whatever the mails are.
CONTENT_BUDGET_BYTES = 512 * 1024

# SQLite's max of several values is NULL where one of them is.
QUEUED_AT = "max(created_at, coalesce(deferred_ts, 0), coalesce(retried_at, 0))"

ROWS = f"""
SELECT CAST(json_group_array(json_array(
  m.pk, CAST(m.id AS TEXT), m.priority, m.tries, m.created_at, {QUEUED_AT}, m.expires_at,
  CAST(m.rfc_message_id AS TEXT), CAST(m.return_path AS TEXT), m.due_at,
  CAST(m.batch_code AS TEXT), m.lapses, m.size_bytes, CAST(m.request_id AS TEXT)
)) AS BLOB)
FROM json_each(?) AS wanted CROSS JOIN messages AS m
WHERE m.tenant_id = ? AND m.pk = wanted.value
"""

RECIPIENTS = """
SELECT CAST(json_group_array(json_array(
  message_pk, position, CAST(address AS TEXT), state, reply_code, CAST(reply AS TEXT)
)) AS BLOB)
FROM (
  SELECT r.* FROM json_each(?) AS wanted CROSS JOIN recipients AS r
  WHERE r.tenant_id = ? AND r.message_pk = wanted.value
  ORDER BY r.message_pk, r.position
)
"""

# How long each content is, and all of them one after the other.
CONTENTS = """
SELECT json_group_array(json_array(message_pk, length(payload))),
  CAST(group_concat(CAST(payload AS TEXT), '') AS BLOB)
FROM (
  SELECT c.message_pk, CAST(coalesce(c.payload, '') AS BLOB) AS payload
  FROM json_each(?) AS wanted CROSS JOIN contents AS c
  WHERE c.tenant_id = ? AND c.message_pk = wanted.value
)
"""


class Leased(NamedTuple):
    """What ROWS tells of a message."""

    pk: int
    id: str
    priority: int
    tries: int
    created_at: float
    queued_at: float
    expires_at: float | None
    rfc_message_id: str
    return_path: str
    due_at: float
    batch_code: str | None
    lapses: int
    size_bytes: int
    request_id: str | None

    def order(self) -> tuple[int, float, int]:
        return self.priority, self.due_at, self.pk


def rows_of(db: sqlite3.Connection, tenant_id: str, pks: Sequence[int]) -> list[Leased]:
    """In the order of MAIL FROM."""
    (found,) = db.execute(ROWS, (json.dumps(pks), tenant_id)).fetchone()
    return sorted((Leased(*row) for row in parsed(found)), key=Leased.order)


def claimed(
    db: sqlite3.Connection, tenant_id: str, account_id: str, leased: Sequence[Leased], token: int
) -> tuple[Claimed, ...]:
    """The messages, with as much of their contents as the budget allows."""
    pending, settled = recipients(db, tenant_id, [row.pk for row in leased])
    brought = _contents(db, tenant_id, _within_budget(leased))
    return tuple(
        Claimed(
            tenant_id=tenant_id,
            pk=row.pk,
            id=visible(row.id),
            account_id=account_id,
            priority=row.priority,
            tries=row.tries,
            created_at=row.created_at,
            queued_at=row.queued_at,
            expires_at=row.expires_at,
            rfc_message_id=visible(row.rfc_message_id),
            return_path=row.return_path,
            recipients=tuple(pending[row.pk]),
            content=brought.get(row.pk),
            lease_token=token,
            due_at=row.due_at,
            settled=tuple(settled[row.pk]),
            batch_code=None if row.batch_code is None else visible(row.batch_code),
            lapses=row.lapses,
            request_id=None if row.request_id is None else visible(row.request_id),
        )
        for row in leased
    )


def recipients(
    db: sqlite3.Connection, tenant_id: str, pks: Sequence[int]
) -> tuple[dict[int, list[PendingRecipient]], dict[int, list[RecipientRow]]]:
    """By message: those still to be sent to, and those that earlier attempts settled."""
    pending: dict[int, list[PendingRecipient]] = defaultdict(list)
    settled: dict[int, list[RecipientRow]] = defaultdict(list)
    (found,) = db.execute(RECIPIENTS, (json.dumps(pks), tenant_id)).fetchone()
    for pk, position, address, state, code, reply in parsed(found):
        if state == RecipientState.PENDING:
            pending[pk].append(PendingRecipient(position, address))
        else:
            said = None if reply is None else visible(reply)
            row = RecipientRow(position, address, RecipientState(state), code, said)
            settled[pk].append(row)
    return pending, settled


def as_stored(octets: bytes) -> str:
    """What is no UTF-8 becomes what cannot be encoded: nobody is sent to at such an address."""
    return octets.decode("utf-8", "surrogateescape")


def _contents(db: sqlite3.Connection, tenant_id: str, pks: Sequence[int]) -> dict[int, bytes]:
    """Empty where there is none: without it a message fails by itself, and blocks nobody."""
    lengths, together = db.execute(CONTENTS, (json.dumps(pks), tenant_id)).fetchone()
    contents = dict.fromkeys(pks, b"")
    begin = 0
    for pk, length in json.loads(lengths):
        contents[pk] = together[begin : begin + length]
        begin += length
    return contents


def _within_budget(leased: Sequence[Leased]) -> list[int]:
    """The messages whose content comes with the claim, in its order."""
    left = CONTENT_BUDGET_BYTES
    brought = []
    for row in leased:
        if row.size_bytes <= left:
            left -= row.size_bytes
            brought.append(row.pk)
    return brought


def parsed(found: bytes) -> list[list[Any]]:
    """The rows of such a result."""
    rows: list[list[Any]] = json.loads(as_stored(found))
    return rows
