"""Messages that go: deleted by a person, or cleaned up when they are old."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select, true

from mail_proxy.domain.state import FINAL, State
from mail_proxy.store.counting import Differences
from mail_proxy.store.indexed import by_index, is_unreported
from mail_proxy.store.schema import contents, events, messages, recipients, stored, tenants

MESSAGE_CHUNK = 500  # rows in one transaction: a claim waits for it, a few milliseconds
_m = messages.c


def remove_messages(conn: Connection, tenant_id: str, pks: Sequence[int]) -> int:
    """Remove these messages with all that belongs to them; how many there were."""
    if not pks:
        return 0
    for table, pk in (
        (recipients, recipients.c.message_pk),
        (contents, contents.c.message_pk),
        (events, events.c.message_pk),
    ):
        conn.execute(delete(table).where(table.c.tenant_id == tenant_id, pk.in_(pks)))
    gone = conn.execute(
        delete(messages)
        .where(_m.tenant_id == tenant_id, _m.pk.in_(pks))
        .returning(_m.account_id, _m.state, _m.priority)
    ).all()
    differences = Differences()
    for account_id, state, priority in gone:
        differences.add(tenant_id, account_id, state, priority, -1)
    differences.write(conn)
    return len(gone)


def delete_messages(conn: Connection, tenant_id: str, ids: Sequence[str]) -> set[str]:
    """The ids that were removed; what is LEASED stays."""
    free = select(_m.pk, _m.id).where(
        _m.tenant_id == tenant_id, _m.id.in_(ids), _m.state != State.LEASED.value
    )
    # For several ids SQLite by itself walks all rows of the tenant.
    found = conn.execute(by_index(free, messages, "messages_id")).all()
    remove_messages(conn, tenant_id, [row.pk for row in found])
    return {row.id for row in found}


def cleanup_messages(conn: Connection, tenant_id: str | None, *, before: float, limit: int) -> int:
    """Remove up to `limit` finished messages older than `before`, all events settled."""
    removed = 0
    for each in _tenants(conn, tenant_id):
        if removed < limit:
            removed += remove_messages(conn, each, _old(conn, each, before, limit - removed))
    return removed


def _tenants(conn: Connection, tenant_id: str | None) -> Sequence[str]:
    chosen = true() if tenant_id is None else tenants.c.tenant_id == tenant_id
    return conn.execute(select(tenants.c.tenant_id).where(chosen)).scalars().all()


def _old(conn: Connection, tenant_id: str, before: float, limit: int) -> Sequence[int]:
    awaited = select(events.c.pk).where(
        events.c.tenant_id == _m.tenant_id, events.c.message_pk == _m.pk, is_unreported
    )
    statement = (
        select(_m.pk)
        .where(
            _m.tenant_id == tenant_id,
            _m.finished_at < before,
            _m.state.in_(stored(FINAL)),
            ~by_index(awaited, events, "events_of_message").exists(),
        )
        .order_by(_m.finished_at)
        .limit(limit)
    )
    return conn.execute(statement).scalars().all()
