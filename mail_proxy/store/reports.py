"""Which tenants have events that wait to be reported, and how far their reports have come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)

from mail_proxy.store.indexed import by_index, is_parked, is_unreported
from mail_proxy.store.keys import first_pk_at
from mail_proxy.store.rows import EVENT_COLUMNS, event_row
from mail_proxy.store.schema import events, messages, sync_state, tenants
from mail_proxy.store.values.events import EventRow
from mail_proxy.store.values.reports import ReportCounts, SyncState

Position = tuple[str, int]  # tenant_id, pk

_e = events.c
_INDEXES = {"pending": (is_unreported, "events_unreported"), "parked": (is_parked, "events_parked")}
_is_reportable = _e.report_state != "none"


def tenants_with_reports(conn: Connection) -> list[str]:
    """Sorted; a probe for each tenant."""
    theirs = select(_e.pk).where(_e.tenant_id == tenants.c.tenant_id, is_unreported)
    has_some = by_index(theirs, events, "events_unreported").exists()
    statement = select(tenants.c.tenant_id).where(has_some).order_by(tenants.c.tenant_id)
    return list(conn.execute(statement).scalars())


def oldest_unreported(conn: Connection) -> float | None:
    """event_ts of the first event that waits for an application; a probe for each tenant."""
    first = select(_e.event_ts).where(_e.tenant_id == tenants.c.tenant_id, is_unreported)
    probe = by_index(first, events, "events_unreported").order_by(_e.pk).limit(1)
    of_tenants = select(probe.scalar_subquery().label("event_ts")).select_from(tenants).subquery()
    return conn.execute(select(func.min(of_tenants.c.event_ts))).scalar()


def list_reports(
    conn: Connection,
    tenant_id: str | None,
    states: Sequence[str],
    *,
    limit: int,
    after: Position | None,
) -> list[EventRow]:
    """By tenant and age, events in one of these report states."""
    found = [
        event_row(row)
        for state in states
        for row in conn.execute(_listed(tenant_id, state, limit, after))
    ]
    return sorted(found, key=lambda event: (event.tenant_id, event.pk))[:limit]


def _listed(tenant_id: str | None, state: str, limit: int, after: Position | None) -> Select[Any]:
    condition, index = _INDEXES.get(state, (_e.report_state == state, None))
    statement = select(*EVENT_COLUMNS).where(condition)
    if index is not None:
        statement = by_index(statement, events, index)
    if tenant_id is not None:
        statement = statement.where(_e.tenant_id == tenant_id)
    if after is not None:
        statement = statement.where(tuple_(_e.tenant_id, _e.pk) > after)
    return statement.order_by(_e.tenant_id, _e.pk).limit(limit)


def report_counts(conn: Connection, *, most: int) -> dict[str, ReportCounts]:
    """By tenant, each number counted up to `most`; without those that have nothing to count."""
    pending = {each: _count(conn, each, "pending", most) for each in tenants_with_reports(conn)}
    parked = {each: _count(conn, each, "parked", most) for each in _tenants_with_parked(conn)}
    return {
        each: ReportCounts(pending.get(each, 0), parked.get(each, 0))
        for each in pending.keys() | parked.keys()
    }


def _tenants_with_parked(conn: Connection) -> list[str]:
    theirs = select(_e.pk).where(_e.tenant_id == tenants.c.tenant_id, is_parked)
    has_some = by_index(theirs, events, "events_parked").exists()
    return list(conn.execute(select(tenants.c.tenant_id).where(has_some)).scalars())


def _count(conn: Connection, tenant_id: str, state: str, most: int) -> int:
    condition, index = _INDEXES[state]
    some = by_index(select(_e.pk).where(_e.tenant_id == tenant_id, condition), events, index)
    return int(
        conn.execute(select(func.count()).select_from(some.limit(most).subquery())).scalar_one()
    )


def reportable_between(
    conn: Connection, tenant_id: str, since_ts: float, until_ts: float, *, after: int, limit: int
) -> list[int]:
    """Keys of events of that time, oldest first, after this key; reported ones too."""
    statement = select(_e.pk).where(
        _e.tenant_id == tenant_id,
        _e.pk > max(after, first_pk_at(since_ts) - 1),  # written when it had happened, or later
        _e.event_ts >= since_ts,
        _e.event_ts < until_ts,
        _is_reportable,
    )
    return list(conn.execute(statement.order_by(_e.pk).limit(limit)).scalars())


def replay_events(conn: Connection, tenant_id: str, pks: Sequence[int], *, now: float) -> set[int]:
    """These wait for their report once more, whatever became of it; those that are there."""
    again = update(events).where(_e.tenant_id == tenant_id, _e.pk.in_(pks), _is_reportable)
    values = {
        "report_state": "pending",
        "report_tries": 0,
        "reported_ts": None,
        "replayed_at": now,
    }
    return set(conn.execute(again.values(values).returning(_e.pk)).scalars())


def replay_messages(
    conn: Connection, tenant_id: str, ids: Sequence[str], *, now: float
) -> dict[str, int]:
    """The same for all events of these messages: id -> how many."""
    m = messages.c
    theirs = select(m.pk, m.id).where(m.tenant_id == tenant_id, m.id.in_(ids))
    found = {row.pk: row.id for row in conn.execute(by_index(theirs, messages, "messages_id"))}
    events_of = select(_e.pk, _e.message_pk).where(
        _e.tenant_id == tenant_id, _e.message_pk.in_(found)
    )
    rows = conn.execute(by_index(events_of, events, "events_of_message")).all()
    again = replay_events(conn, tenant_id, [row.pk for row in rows], now=now)
    return dict(Counter(found[row.message_pk] for row in rows if row.pk in again))


def sync_states(conn: Connection) -> dict[str, SyncState]:
    """By tenant; without those that were never reported to."""
    rows = conn.execute(select(sync_state))
    return {row.tenant_id: SyncState(**row._mapping) for row in rows}


def get_sync_state(conn: Connection, tenant_id: str) -> SyncState:
    """The defaults for a tenant that was never reported to."""
    found = conn.execute(select(sync_state).where(sync_state.c.tenant_id == tenant_id)).first()
    return SyncState(tenant_id) if found is None else SyncState(**found._mapping)


def put_sync_state(conn: Connection, state: SyncState) -> None:
    conn.execute(delete(sync_state).where(sync_state.c.tenant_id == state.tenant_id))
    conn.execute(insert(sync_state).values(asdict(state)))
