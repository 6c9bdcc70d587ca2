"""Messages that end without an attempt: expired, given up by age, settled by a person.

What is read here is written only if the row is still as it was read; the state table decides
whether the event is legal.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, insert, select, update

from mail_proxy.domain.message import PRIORITIES
from mail_proxy.domain.state import FINAL, Event, RecipientState, State, sources, target
from mail_proxy.store.counting import Differences
from mail_proxy.store.event_data import event_data
from mail_proxy.store.indexed import by_index
from mail_proxy.store.keys import next_pk
from mail_proxy.store.messages import find_by_pks
from mail_proxy.store.schema import events, messages, recipients, stored
from mail_proxy.store.values.changes import Ending
from mail_proxy.store.values.messages import MessageRow

_m = messages.c


# --- who is to end ---


def expired(conn: Connection, *, now: float, limit: int) -> list[MessageRow]:
    """The first `limit` messages of all tenants whose time is over, the oldest first."""
    statement = (
        select(_m.tenant_id, _m.pk)
        .where(
            _m.expires_at.is_not(None),
            _m.expires_at <= now,
            _m.state.in_(stored(sources(Event.EXPIRE))),
        )
        .order_by(_m.expires_at)
        .limit(limit)
    )
    rows = conn.execute(by_index(statement, messages, "messages_expiring")).all()
    ordered = sorted(rows, key=attrgetter("tenant_id"))
    return [
        message
        for tenant_id, theirs in groupby(ordered, key=attrgetter("tenant_id"))
        for message in find_by_pks(conn, tenant_id, [row.pk for row in theirs])
    ]


def overdue(
    conn: Connection, tenant_id: str, account_id: str, *, before: float, limit: int
) -> list[MessageRow]:
    """Waiting messages of an account that have been due since before `before`."""
    pks: list[int] = []
    for priority in PRIORITIES.values():
        statement = (
            select(_m.pk)
            .where(
                _m.tenant_id == tenant_id,
                _m.account_id == account_id,
                _m.priority == priority,
                _m.state.in_(stored(sources(Event.CLAIM))),
                _m.due_at <= before,
            )
            .order_by(_m.due_at, _m.pk)
            .limit(limit - len(pks))
        )
        pks += conn.execute(by_index(statement, messages, "messages_due")).scalars()
    return find_by_pks(conn, tenant_id, pks)


# --- the end ---


def end_messages(conn: Connection, endings: Sequence[Ending], *, now: float) -> set[int]:
    """End those whose rows are still as they were read; their pks."""
    ended: set[int] = set()
    differences = Differences()
    by_tenant = sorted(endings, key=attrgetter("tenant_id"))
    for tenant_id, group in groupby(by_tenant, key=attrgetter("tenant_id")):
        theirs = list(group)
        rows = _rows(conn, tenant_id, [ending.pk for ending in theirs])
        for ending in theirs:
            row = rows.get(ending.pk)
            if row is not None and _is_as_read(row, ending):
                _write(conn, row, ending, now)
                after = target(ending.event)
                differences.move(
                    tenant_id, row.account_id, row.priority, before=row.state, after=after
                )
                ended.add(ending.pk)
    differences.write(conn)
    return ended


def _rows(conn: Connection, tenant_id: str, pks: Sequence[int]) -> dict[int, Any]:
    columns = [_m.pk, _m.id, _m.account_id, _m.state, _m.priority, _m.updated_at, _m.request_id]
    found = conn.execute(select(*columns).where(_m.tenant_id == tenant_id, _m.pk.in_(pks)))
    return {row.pk: row for row in found}


def _is_as_read(row: Any, ending: Ending) -> bool:
    return State(row.state) in sources(ending.event) and row.updated_at == ending.updated_at


def _write(conn: Connection, row: Any, ending: Ending, now: float) -> None:
    after = target(ending.event)
    assert after in FINAL
    is_sent = after is State.SENT
    conn.execute(
        update(messages)
        .where(_m.tenant_id == ending.tenant_id, _m.pk == ending.pk)
        .values(
            state=after.value,
            error=ending.error,
            error_code=None,
            error_at=None if ending.error is None else now,
            sent_at=now if is_sent else None,
            finished_at=now,
            held_reason=None,
            updated_at=now,
        )
    )
    r = recipients.c
    changes: dict[str, Any] = {"state": ending.recipients.value, "settled_at": now}
    if ending.reply is not None:
        changes |= {"reply_code": None, "reply": ending.reply}
    conn.execute(
        update(recipients)
        .where(
            r.tenant_id == ending.tenant_id,
            r.message_pk == ending.pk,
            r.state == RecipientState.PENDING.value,
        )
        .values(**changes)
    )
    for event in ending.events:
        conn.execute(
            insert(events).values(
                tenant_id=ending.tenant_id,
                pk=next_pk(),
                message_pk=ending.pk,
                message_id=row.id,
                account_id=row.account_id,
                priority=row.priority,
                event_type=event.event_type,
                event_ts=event.event_ts,
                description=event.description,
                data=event_data(event.data, row.request_id),
                report_state="pending" if event.reportable else "none",
            )
        )
