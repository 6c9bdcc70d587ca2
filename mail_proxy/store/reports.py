"""Events that wait to be reported, and how far each tenant's reports have come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from mail_proxy.store.indexed import by_index, is_unreported
from mail_proxy.store.rows import EVENT_COLUMNS, event_row
from mail_proxy.store.schema import events, sync_state, tenants
from mail_proxy.store.values import EventRow, SyncState

_e = events.c


def unreported(conn: Connection, tenant_id: str, *, limit: int) -> list[EventRow]:
    """Oldest first."""
    waiting = select(*EVENT_COLUMNS).where(_e.tenant_id == tenant_id, is_unreported)
    oldest = by_index(waiting, events, "events_unreported").order_by(_e.pk).limit(limit)
    return [event_row(row) for row in conn.execute(oldest)]


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


def mark_reported(
    conn: Connection, tenant_id: str, pks: Sequence[int], *, now: float, state: str
) -> None:
    marked = update(events).where(*_these(tenant_id, pks))
    conn.execute(marked.values(report_state=state, reported_ts=now))


def count_report_try(conn: Connection, tenant_id: str, pks: Sequence[int]) -> None:
    tried = update(events).where(*_these(tenant_id, pks))
    conn.execute(tried.values(report_tries=_e.report_tries + 1))


def get_sync_state(conn: Connection, tenant_id: str) -> SyncState:
    """The defaults for a tenant that was never reported to."""
    found = conn.execute(select(sync_state).where(sync_state.c.tenant_id == tenant_id)).first()
    return SyncState(tenant_id) if found is None else SyncState(**found._mapping)


def put_sync_state(conn: Connection, state: SyncState) -> None:
    conn.execute(delete(sync_state).where(sync_state.c.tenant_id == state.tenant_id))
    conn.execute(insert(sync_state).values(asdict(state)))


def _these(tenant_id: str, pks: Sequence[int]) -> tuple[ColumnElement[bool], ...]:
    return _e.tenant_id == tenant_id, _e.pk.in_(pks)
