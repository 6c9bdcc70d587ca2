"""`finish`: write how attempts ended, for rows that are still under the lease of the attempt.

A late acceptance, for a row that is ours no longer, is recorded all the same: the relay has the
mail, whatever became of the lease.
"""

# ruff: noqa: S608 - statements are built of our own constants; values travel as parameters

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import Connection

from mail_proxy.domain.safe_text import visible
from mail_proxy.domain.state import FINAL, Event, RecipientState, State, sources, target
from mail_proxy.store.counting import Differences
from mail_proxy.store.event_data import event_data
from mail_proxy.store.keys import next_pk
from mail_proxy.store.sqlite.driver import (
    as_json,
    driver,
    insert_of_json,
    json_rows,
    write_counts,
)
from mail_proxy.store.sqlite.leased import as_stored, parsed
from mail_proxy.store.sqlite.limits import Bookings
from mail_proxy.store.sqlite.suspended import Suspended
from mail_proxy.store.values.events import NewEvent
from mail_proxy.store.values.queue import Outcome, RecipientResult

# Each of these is one step for all rows: see `driver.py`.
HELD_NOW = """
SELECT CAST(json_group_array(json_array(
  m.tenant_id, m.pk, CAST(m.id AS TEXT), m.account_id, m.state, m.priority,
  CAST(m.batch_code AS TEXT), m.lease_token, CAST(m.request_id AS TEXT)
)) AS BLOB)
FROM json_each(?) AS wanted CROSS JOIN messages AS m
WHERE m.tenant_id = wanted.value ->> 0 AND m.pk = wanted.value ->> 1
"""

WRITE = f"""
WITH w AS MATERIALIZED ({
    json_rows(
        "tenant_id, pk, lease_token, state, due_at, spent, lapsed, held_reason, sets_error, error, "
        "error_code, error_at, sent_at, finished_at, now"
    )
})
UPDATE messages SET
  state = w.state,
  -- What was claimed was due; a clock that was set back meanwhile must not hide it.
  due_at = coalesce(w.due_at, min(messages.due_at, w.now)),
  tries = tries + w.spent,
  lapses = CASE WHEN w.lapsed THEN lapses + 1 WHEN w.spent THEN 0 ELSE lapses END,
  held_reason = w.held_reason,
  error = CASE WHEN w.sets_error THEN w.error ELSE messages.error END,
  error_code = CASE WHEN w.sets_error THEN w.error_code ELSE messages.error_code END,
  error_at = CASE WHEN w.sets_error THEN w.error_at ELSE messages.error_at END,
  sent_at = w.sent_at,
  finished_at = w.finished_at,
  lease_token = NULL,
  lease_daemon = NULL,
  updated_at = w.now
FROM w
WHERE messages.tenant_id = w.tenant_id AND messages.pk = w.pk
  AND messages.state = '{State.LEASED.value}' AND messages.lease_token = w.lease_token
"""

# Not those whom a late result of an earlier lease has shown to be accepted.
SETTLE_RECIPIENTS = f"""
WITH w AS MATERIALIZED ({
    json_rows("tenant_id, message_pk, position, state, reply_code, reply, settled_at")
})
UPDATE recipients
SET state = w.state, reply_code = w.reply_code, reply = w.reply, settled_at = w.settled_at
FROM w
WHERE recipients.tenant_id = w.tenant_id AND recipients.message_pk = w.message_pk
  AND recipients.position = w.position AND recipients.state <> '{RecipientState.ACCEPTED.value}'
"""

INSERT_EVENTS = insert_of_json(
    "events",
    "tenant_id, pk, message_pk, message_id, account_id, priority, event_type, event_ts, "
    "description, data, report_state",
)

_SPENDS_NOTHING = frozenset({Event.RELEASE, Event.LAPSE, Event.PARK})

ACCEPT_LATE = f"""
UPDATE recipients SET state = '{RecipientState.ACCEPTED.value}', reply_code = ?, reply = ?,
  settled_at = ?
WHERE tenant_id = ? AND message_pk = ? AND position = ?
  AND state IN ('{RecipientState.PENDING.value}', '{RecipientState.REFUSED.value}')
"""

SEND_LATE = f"""
UPDATE messages SET state = '{State.SENT.value}', tries = tries + ?, error = NULL,
  error_code = NULL, error_at = NULL, sent_at = ?, finished_at = ?, held_reason = NULL,
  lease_token = NULL, lease_daemon = NULL, updated_at = ?
WHERE tenant_id = ? AND pk = ?
  AND state NOT IN ('{State.SENT.value}', '{State.BOUNCED.value}')
  AND NOT EXISTS (
    SELECT 1 FROM recipients AS r
    WHERE r.tenant_id = messages.tenant_id AND r.message_pk = messages.pk
      AND r.state = '{RecipientState.PENDING.value}'
  )
"""

WHO_HAS_IT = f"""
SELECT CAST(address AS BLOB), CAST(reply AS BLOB) FROM recipients
WHERE tenant_id = ? AND message_pk = ? AND state = '{RecipientState.ACCEPTED.value}'
"""


class FinishRequest(NamedTuple):
    """One caller's outcomes."""

    outcomes: Sequence[Outcome]
    now: float
    steady: float  # steady time, not before any of the replies was read


@dataclass(slots=True)
class _Row:
    """A message as it is before this outcome."""

    tenant_id: str
    pk: int
    id: str
    account_id: str
    state: State
    priority: int
    batch_code: str | None
    lease_token: int | None
    request_id: str | None

    def is_under_lease_of(self, outcome: Outcome) -> bool:
        return self.state in sources(outcome.event) and self.lease_token == outcome.lease_token


def finish(conn: Connection, requests: Sequence[FinishRequest]) -> list[set[int]]:
    """For each request the pks that were ours."""
    outcomes = [outcome for request in requests for outcome in request.outcomes]
    db = driver(conn)
    writing = _Writing(db, _rows(db, outcomes))
    ours = [{o.pk for o in request.outcomes if writing.add(o, request.now)} for request in requests]
    writing.flush()
    writing.book(max(request.steady for request in requests))
    return ours


def _rows(db: sqlite3.Connection, outcomes: Iterable[Outcome]) -> dict[tuple[str, int], _Row]:
    wanted = as_json(list({(outcome.tenant_id, outcome.pk) for outcome in outcomes}))
    (found,) = db.execute(HELD_NOW, (wanted,)).fetchone()
    rows = (_Row(*row) for row in parsed(found))
    return {(row.tenant_id, row.pk): row for row in rows}


class _Writing:
    """Gathers the rows of many outcomes, so that each statement is sent once."""

    def __init__(self, db: sqlite3.Connection, rows: dict[tuple[str, int], _Row]) -> None:
        self._db = db
        self._rows = rows
        self._suspended = Suspended.of(db, {tenant_id for tenant_id, _ in rows})
        self._differences = Differences()
        self._messages: list[tuple[Any, ...]] = []
        self._recipients: list[tuple[Any, ...]] = []
        self._events: list[tuple[Any, ...]] = []
        self._bookings = Bookings()

    def add(self, outcome: Outcome, now: float) -> bool:
        """True when the message was under the outcome's lease."""
        row = self._rows.get((outcome.tenant_id, outcome.pk))
        if row is None:  # deleted meanwhile
            return False
        if outcome.dot_sent:
            self._bookings.add(row.tenant_id, row.account_id)
        if not row.is_under_lease_of(outcome):
            self._accept_late(row, outcome, now)
            return False
        if outcome.event is Event.FAIL:
            outcome = self._despite_late(outcome, now)
        after = self._state_after(row, outcome.event)
        self._messages.append(_message_change(row, outcome, after, now))
        self._recipients += (
            _recipient_change(outcome, result, now) for result in outcome.recipients
        )
        self._tell(row, outcome.events)
        self._move(row, after)
        return True

    def flush(self) -> None:
        for statement, rows in (
            (WRITE, self._messages),
            (SETTLE_RECIPIENTS, self._recipients),
            (INSERT_EVENTS, self._events),
        ):
            if rows:
                self._db.execute(statement, (as_json(rows),))
        write_counts(self._db, self._differences)
        self._messages, self._recipients, self._events = [], [], []
        self._differences = Differences()

    def book(self, now: float) -> None:
        self._bookings.write(self._db, now)

    def _state_after(self, row: _Row, event: Event) -> State:
        state = target(event)
        if state is State.WAITING:
            return self._suspended.instead_of_waiting(row.tenant_id, row.batch_code)
        return state

    def _move(self, row: _Row, after: State) -> None:
        self._differences.move(
            row.tenant_id, row.account_id, row.priority, before=row.state, after=after
        )
        row.state, row.lease_token = after, None

    def _tell(self, row: _Row, events: Iterable[NewEvent]) -> None:
        self._events += (_event_row(row, event) for event in events)

    def _accept_late(self, row: _Row, outcome: Outcome, now: float) -> None:
        """Record an acceptance whose lease is gone; one that is known already changes nothing."""
        accepted = [r for r in outcome.recipients if r.state is RecipientState.ACCEPTED]
        if not accepted:
            return
        self.flush()  # what was decided before it must be in the tables that it looks at
        news = [
            self._db.execute(ACCEPT_LATE, _late_recipient(outcome, result, now)).rowcount
            for result in accepted
        ]
        if not any(news):
            return
        values = (_spent(outcome), now, now, now, row.tenant_id, row.pk)
        is_sent = self._db.execute(SEND_LATE, values).rowcount > 0
        if is_sent:
            self._move(row, State.SENT)
        if outcome.event is Event.ACCEPT:
            self._tell(row, outcome.events)
        elif is_sent:  # the outcome tells of others who were to wait; by now they are settled
            self._tell(row, [_sent_event(accepted[0], now)])

    def _despite_late(self, outcome: Outcome, now: float) -> Outcome:
        """A failure, but SENT where a late result has shown meanwhile that somebody has it."""
        found = self._db.execute(WHO_HAS_IT, (outcome.tenant_id, outcome.pk)).fetchall()
        if not found:
            return outcome
        have_it = {visible(as_stored(address)) for address, _ in found}
        _, reply = found[0]
        events = [_sent_despite(event, have_it, reply, now) for event in outcome.events]
        return replace(
            outcome, event=Event.ACCEPT, events=tuple(events), error=None, error_code=None
        )


def _message_change(row: _Row, outcome: Outcome, after: State, now: float) -> tuple[Any, ...]:
    """In the order of WRITE."""
    is_sent = after is State.SENT
    return (
        row.tenant_id,
        row.pk,
        outcome.lease_token,
        after.value,
        outcome.due_at if outcome.event in (Event.DEFER, Event.RESEND) else None,
        _spent(outcome),
        outcome.lapsed,
        outcome.error if outcome.event is Event.PARK else None,
        # A success wipes the failures before it: readers take an `error` for the end.
        is_sent or outcome.error is not None,
        outcome.error,
        outcome.error_code,
        now if outcome.error is not None else None,
        now if is_sent else None,
        now if after in FINAL else None,
        now,
    )


def _spent(outcome: Outcome) -> int:
    return int(outcome.spends_try and outcome.event not in _SPENDS_NOTHING)


def _sent_event(result: RecipientResult, now: float) -> NewEvent:
    return NewEvent("sent", now, str(result.reply), {"sent_ts": int(now)}, reportable=True)


def _sent_despite(
    failure: NewEvent, have_it: Collection[str], reply: bytes | None, now: float
) -> NewEvent:
    """The others are refused as the failure tells."""
    data = {key: told for key, told in failure.data.items() if key not in ("error", "error_ts")}
    refused = [each for each in data.get("refused", ()) if each["recipient"] not in have_it]
    data |= {"sent_ts": int(now), "refused": refused}
    return NewEvent("sent", now, visible(as_stored(reply or b"")), data, failure.reportable)


def _recipient_change(outcome: Outcome, result: RecipientResult, now: float) -> tuple[Any, ...]:
    """In the order of SETTLE_RECIPIENTS."""
    settled_at = None if result.state is RecipientState.PENDING else now
    return (
        outcome.tenant_id,
        outcome.pk,
        result.position,
        result.state.value,
        *_reply(result),
        settled_at,
    )


def _late_recipient(outcome: Outcome, result: RecipientResult, now: float) -> tuple[Any, ...]:
    return (*_reply(result), now, outcome.tenant_id, outcome.pk, result.position)


def _reply(result: RecipientResult) -> tuple[int | None, str | None]:
    if result.reply is None:
        return None, None
    return result.reply.code, str(result.reply)


def _event_row(row: _Row, event: NewEvent) -> tuple[Any, ...]:
    return (
        row.tenant_id,
        next_pk(),
        row.pk,
        visible(row.id),
        row.account_id,
        row.priority,
        event.event_type,
        event.event_ts,
        event.description,
        event_data(event.data, row.request_id),
        "pending" if event.reportable else "none",
    )
