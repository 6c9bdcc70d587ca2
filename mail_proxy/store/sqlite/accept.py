"""`accept`: store messages, in batches from many callers at once."""

# ruff: noqa: S608 - statements are built of our own constants; values travel as parameters

from __future__ import annotations

import json
import math
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from sqlalchemy import Connection

from mail_proxy.domain.message import ALREADY_SENT, NO_ACCOUNT, QUEUE_FULL
from mail_proxy.domain.state import OPEN, RecipientState, State
from mail_proxy.secrets import Keyring
from mail_proxy.store.attachment_auth import seal_auth
from mail_proxy.store.counting import Differences
from mail_proxy.store.keys import next_pk
from mail_proxy.store.sqlite.driver import as_json, driver, insert_of_json, write_counts
from mail_proxy.store.sqlite.suspended import Suspended
from mail_proxy.store.values.intake import Accepted, Keep, KeptAnswer, NewMessage

Key: TypeAlias = tuple[str, str]  # tenant_id, and an account_id or the caller's id

REPLACEABLE = frozenset({State.WAITING, State.SUSPENDED})
RECIPIENTS_OF_WEIGHT = 10  # cost about as much to write as a message

ACCOUNTS = """
SELECT a.tenant_id, a.account_id
FROM json_each(?) AS wanted CROSS JOIN accounts AS a
WHERE a.tenant_id = json_extract(wanted.value, '$[0]')
  AND a.account_id = json_extract(wanted.value, '$[1]')
"""

STORED = f"""
SELECT m.tenant_id, m.id, m.pk, m.account_id, m.state, m.priority, m.created_at,
  EXISTS (
    SELECT 1 FROM recipients AS r
    WHERE r.tenant_id = m.tenant_id AND r.message_pk = m.pk
      AND r.state <> '{RecipientState.PENDING.value}' AND r.settled_at IS NOT NULL
  ) AS is_settled
FROM json_each(?) AS wanted CROSS JOIN messages AS m
WHERE m.tenant_id = json_extract(wanted.value, '$[0]')
  AND m.id = json_extract(wanted.value, '$[1]')
"""

WAITING = f"""
SELECT c.tenant_id, sum(c.n)
FROM json_each(?) AS wanted CROSS JOIN counts AS c
WHERE c.tenant_id = wanted.value AND c.state IN ({", ".join(f"'{s.value}'" for s in sorted(OPEN))})
GROUP BY c.tenant_id
"""

KEEP = """
INSERT INTO idempotency (tenant_id, key, body_sha256, response, created_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (tenant_id, key) DO UPDATE SET
  body_sha256 = excluded.body_sha256, response = excluded.response,
  created_at = excluded.created_at
"""

REMOVE = (
    "DELETE FROM messages WHERE tenant_id = ? AND pk = ?",
    "DELETE FROM recipients WHERE tenant_id = ? AND message_pk = ?",
    "DELETE FROM contents WHERE tenant_id = ? AND message_pk = ?",
)

# One statement for many rows: with one for each row the interpreter's lock changes hands at every
# row, and the event loop keeps it for as long as it likes.
INSERT_MESSAGES = insert_of_json(
    "messages",
    "tenant_id, pk, id, account_id, state, priority, due_at, deferred_ts, expires_at, batch_code, "
    "sender, subject, return_path, rfc_message_id, size_bytes, created_at, updated_at, "
    "request_id",
)
INSERT_RECIPIENTS = insert_of_json(
    "recipients", "tenant_id, message_pk, position, address, state, reply"
)
# The payloads of all messages in one blob, cut at the offsets that count from 1.
INSERT_CONTENTS = """
INSERT INTO contents (tenant_id, message_pk, payload, spool, auth_enc)
SELECT value ->> 0, value ->> 1, substr(?2, value ->> 2, value ->> 3), value ->> 4, value ->> 5
FROM json_each(?1)
"""


class AcceptRequest(NamedTuple):
    """One caller's batch.

    keep: what is kept of the answer. max_queued: how many may wait, of tenants that have a limit.
    """

    batch: Sequence[NewMessage]
    now: float
    keep: Keep | None = None
    max_queued: Mapping[str, int] = MappingProxyType({})

    @property
    def weight(self) -> int:
        """For the writer: what it costs, one for a message of a few recipients."""
        recipients = sum(len(message.recipients) for message in self.batch)
        return len(self.batch) + recipients // RECIPIENTS_OF_WEIGHT


@dataclass(frozen=True, slots=True)
class _Stored:
    """A message that has the same id."""

    pk: int
    account_id: str
    state: State
    priority: int
    created_at: float
    is_settled: bool

    @property
    def is_replaceable(self) -> bool:
        return self.state in REPLACEABLE and not self.is_settled


class _Intake:
    """Decides for each message in turn what is written; nothing is written before the last."""

    def __init__(
        self, accounts: set[Key], stored: dict[Key, _Stored], waiting: Mapping[str, int]
    ) -> None:
        self._accounts = accounts
        self._stored = stored
        self._waiting = Counter(waiting)
        self.writes: dict[Key, tuple[int, NewMessage, float]] = {}
        self.removes: dict[Key, _Stored] = {}

    def decide_all(self, request: AcceptRequest) -> list[Accepted]:
        full = self._full(request) if request.max_queued else frozenset()
        return [self._decide(message, request.now, full) for message in request.batch]

    def _full(self, request: AcceptRequest) -> frozenset[str]:
        """Tenants whose queue has no room for all that is new; what replaces takes none."""
        keys = {(m.tenant_id, m.id) for m in request.batch if self._has_account(m)}
        new = Counter(key[0] for key in keys if key not in self.writes and key not in self._stored)
        limits = request.max_queued
        full = frozenset(t for t in new if self._waiting[t] + new[t] > limits.get(t, math.inf))
        self._waiting.update({t: n for t, n in new.items() if t not in full})
        return full

    def _has_account(self, message: NewMessage) -> bool:
        return (message.tenant_id, message.account_id) in self._accounts

    def _decide(self, message: NewMessage, now: float, full: frozenset[str]) -> Accepted:
        key = (message.tenant_id, message.id)
        if not self._has_account(message):
            return Accepted(0, reason=NO_ACCOUNT)
        if key in self.writes:
            pk, earlier, _ = self.writes[key]
            self.writes[key] = (pk, replace(message, created_at=earlier.created_at), now)
            return Accepted(pk, replaced=True)
        old = self._stored.get(key)
        if old is None and message.tenant_id in full:
            return Accepted(0, reason=QUEUE_FULL)
        if old is None:
            pk = next_pk()
            self.writes[key] = (pk, message, now)
            return Accepted(pk)
        if not old.is_replaceable:
            return Accepted(old.pk, reason=ALREADY_SENT)
        self.removes[key] = old
        self.writes[key] = (old.pk, replace(message, created_at=old.created_at), now)
        return Accepted(old.pk, replaced=True)


def accept(
    conn: Connection, requests: Sequence[AcceptRequest], *, keyring: Keyring
) -> list[list[Accepted]]:
    """Store each batch; for each message its pk, or why it was not stored."""
    db = driver(conn)
    messages = [message for request in requests for message in request.batch]
    accounts = _accounts(db, {(m.tenant_id, m.account_id) for m in messages})
    stored = _stored(db, {(m.tenant_id, m.id) for m in messages})
    limited = {tenant_id for request in requests for tenant_id in request.max_queued}
    intake = _Intake(accounts, stored, _waiting(db, limited) if limited else {})
    answers = [intake.decide_all(request) for request in requests]
    differences = Differences()
    _remove(db, intake.removes, differences)
    _insert(db, list(intake.writes.values()), differences, keyring)
    write_counts(db, differences)
    _keep(db, _kept(requests, answers))
    return answers


def _waiting(db: sqlite3.Connection, tenant_ids: Iterable[str]) -> dict[str, int]:
    """How many messages of each are not finished."""
    return dict(db.execute(WAITING, (json.dumps(list(tenant_ids)),)).fetchall())


def _kept(
    requests: Sequence[AcceptRequest], answers: Sequence[Sequence[Accepted]]
) -> Iterator[KeptAnswer]:
    for request, verdicts in zip(requests, answers, strict=True):
        kept = None if request.keep is None else request.keep(verdicts)
        if kept is not None:
            yield kept


def _keep(db: sqlite3.Connection, kept: Iterable[KeptAnswer]) -> None:
    rows = [(k.tenant_id, k.key, k.body_sha256, k.response, k.created_at) for k in kept]
    if rows:
        db.executemany(KEEP, rows)


def _accounts(db: sqlite3.Connection, keys: Iterable[Key]) -> set[Key]:
    rows = db.execute(ACCOUNTS, (json.dumps(list(keys)),))
    return {(tenant_id, account_id) for tenant_id, account_id in rows}


def _stored(db: sqlite3.Connection, keys: Iterable[Key]) -> dict[Key, _Stored]:
    rows = db.execute(STORED, (json.dumps(list(keys)),))
    return {
        (tenant_id, id_): _Stored(pk, account_id, State(state), priority, created_at, bool(settled))
        for tenant_id, id_, pk, account_id, state, priority, created_at, settled in rows
    }


def _remove(db: sqlite3.Connection, removes: dict[Key, _Stored], differences: Differences) -> None:
    if not removes:
        return
    keys = [(tenant_id, old.pk) for (tenant_id, _), old in removes.items()]
    for statement in REMOVE:
        db.executemany(statement, keys)
    for (tenant_id, _), old in removes.items():
        differences.add(tenant_id, old.account_id, old.state, old.priority, -1)


def _insert(
    db: sqlite3.Connection,
    writes: list[tuple[int, NewMessage, float]],
    differences: Differences,
    keyring: Keyring,
) -> None:
    if not writes:
        return
    suspended = Suspended.of(db, {message.tenant_id for _, message, _ in writes})
    rows = []
    for pk, m, now in writes:
        state = suspended.instead_of_waiting(m.tenant_id, m.batch_code)
        rows.append(_message_row(pk, m, state, now))
        differences.add(m.tenant_id, m.account_id, state, m.priority)
    db.execute(INSERT_MESSAGES, (as_json(rows),))
    db.execute(INSERT_CONTENTS, _contents(writes, keyring))
    db.execute(INSERT_RECIPIENTS, (as_json(list(_recipient_rows(writes))),))


def _message_row(pk: int, m: NewMessage, state: State, now: float) -> tuple[object, ...]:
    return (
        m.tenant_id,
        pk,
        m.id,
        m.account_id,
        state.value,
        m.priority,
        m.due_at,
        m.deferred_ts,
        m.expires_at,
        m.batch_code,
        m.sender,
        m.subject,
        m.return_path,
        m.rfc_message_id,
        m.size_bytes,
        m.created_at,
        now,
        m.request_id,
    )


def _contents(writes: list[tuple[int, NewMessage, float]], keyring: Keyring) -> tuple[str, bytes]:
    """Where each payload begins and how long it is, and what stands beside it; the payloads."""
    places = []
    begin = 1
    for pk, message, _ in writes:
        auth = seal_auth(message.attachment_auth, message.tenant_id, pk, keyring)
        place = (message.tenant_id, pk, begin, len(message.content), message.spool, auth)
        places.append(place)
        begin += len(message.content)
    return as_json(places), b"".join(message.content for _, message, _ in writes)


def _recipient_rows(
    writes: list[tuple[int, NewMessage, float]],
) -> Iterator[tuple[str, int, int, str, str, str | None]]:
    """settled_at of a refused one stays empty: no try has settled it, so it may be replaced."""
    for pk, message, _ in writes:
        refused = dict(message.suppressed)
        for position, address in enumerate(message.recipients):
            why = refused.get(position)
            state = RecipientState.PENDING if why is None else RecipientState.REFUSED
            yield message.tenant_id, pk, position, address, state.value, why
