"""Which tenants have events that wait to be reported, and how far their reports have come."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import Connection, delete, func, insert, select

from mail_proxy.store.indexed import by_index, is_unreported
from mail_proxy.store.schema import events, sync_state, tenants
from mail_proxy.store.values import SyncState

_e = events.c


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


def get_sync_state(conn: Connection, tenant_id: str) -> SyncState:
    """The defaults for a tenant that was never reported to."""
    found = conn.execute(select(sync_state).where(sync_state.c.tenant_id == tenant_id)).first()
    return SyncState(tenant_id) if found is None else SyncState(**found._mapping)


def put_sync_state(conn: Connection, state: SyncState) -> None:
    conn.execute(delete(sync_state).where(sync_state.c.tenant_id == state.tenant_id))
    conn.execute(insert(sync_state).values(asdict(state)))
