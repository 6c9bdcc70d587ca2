"""Daemons that share the store, and what is leased to them."""

# ruff: noqa: S608 - statements are built of our own constants; values travel as parameters

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Connection

from mail_proxy.domain.safe_text import visible
from mail_proxy.domain.state import State
from mail_proxy.store.sqlite.claim import in_states
from mail_proxy.store.sqlite.driver import driver
from mail_proxy.store.sqlite.leased import QUEUED_AT, as_stored, recipients
from mail_proxy.store.values.leases import Lease, Peer
from mail_proxy.store.values.queue import Claimed

_IS_LEASED = f"m.state IN {in_states(frozenset({State.LEASED}))}"

FORGET = "DELETE FROM daemons WHERE :daemon_id IS NULL OR daemon_id = :daemon_id"

PEERS = f"""
SELECT d.daemon_id, d.renewals FROM daemons AS d
WHERE d.daemon_id <> ? AND EXISTS (
  SELECT 1 FROM messages AS m INDEXED BY messages_leased
  WHERE {_IS_LEASED} AND m.lease_daemon = d.daemon_id
)
"""

_FIELDS = (
    *("tenant_id", "pk", "id", "account_id", "priority", "tries", "lapses", "created_at"),
    *("expires_at", "due_at", "batch_code", "lease_token", "queued_at"),
    *("rfc_message_id", "return_path", "request_id"),
)

LEASES = f"""
SELECT m.lease_daemon, m.tenant_id, m.pk, CAST(m.id AS BLOB), m.account_id, m.priority, m.tries,
  m.lapses, m.created_at, m.expires_at, m.due_at, CAST(m.batch_code AS BLOB), m.lease_token,
  {QUEUED_AT}, CAST(m.rfc_message_id AS BLOB), CAST(m.return_path AS BLOB),
  CAST(m.request_id AS BLOB)
FROM messages AS m INDEXED BY messages_leased
WHERE {_IS_LEASED} AND (m.lease_daemon, m.tenant_id, m.pk) > (?, ?, ?) AND m.lease_daemon <= ?
ORDER BY m.lease_daemon, m.tenant_id, m.pk LIMIT ?
"""

_LAST = "\U0010ffff"  # greater than any daemon's id


class LeasesRequest(NamedTuple):
    """daemon_id None: of all. after: daemon, tenant and pk of the last lease seen."""

    daemon_id: str | None
    after: tuple[str, str, int] | None
    limit: int


def forget(conn: Connection, daemon_id: str | None) -> None:
    driver(conn).execute(FORGET, {"daemon_id": daemon_id})


def peers(conn: Connection, daemon_id: str) -> list[Peer]:
    """The other daemons that hold leases."""
    return [Peer(*row) for row in driver(conn).execute(PEERS, (daemon_id,))]


def leases(conn: Connection, request: LeasesRequest) -> list[Lease]:
    """A page, in order of daemon, tenant, pk; without contents."""
    db = driver(conn)
    first = request.after or (request.daemon_id or "", "", 0)
    last = _LAST if request.daemon_id is None else request.daemon_id
    rows = db.execute(LEASES, (*first, last, request.limit)).fetchall()
    by_tenant = groupby(rows, key=lambda row: row[1])
    return [lease for tenant_id, theirs in by_tenant for lease in _of(db, tenant_id, list(theirs))]


def _of(db: sqlite3.Connection, tenant_id: str, rows: Sequence[Sequence[Any]]) -> Iterator[Lease]:
    found = [(daemon_id, dict(zip(_FIELDS, row, strict=True))) for daemon_id, *row in rows]
    pending, settled = recipients(db, tenant_id, [fields["pk"] for _, fields in found])
    for daemon_id, fields in found:
        for name in ("id", "batch_code", "rfc_message_id", "request_id"):
            if fields[name] is not None:
                fields[name] = visible(as_stored(fields[name]))
        fields["return_path"] = as_stored(fields["return_path"])
        pk = fields["pk"]
        fields |= {"recipients": tuple(pending[pk]), "settled": tuple(settled[pk])}
        yield Lease(daemon_id, Claimed(**fields, content=None))
