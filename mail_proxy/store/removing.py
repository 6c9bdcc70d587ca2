"""Messages that go: deleted by a person, or cleaned up when they are old."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, or_, select, true, tuple_

from mail_proxy.domain.state import FINAL, State
from mail_proxy.store.commands import logged_tenants
from mail_proxy.store.counting import Differences
from mail_proxy.store.indexed import by_index, is_unreported
from mail_proxy.store.keys import first_pk_at
from mail_proxy.store.schema import (
    command_log,
    contents,
    events,
    messages,
    recipients,
    stored,
    tenants,
)

Position = tuple[float, int]  # finished_at, pk

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


# --- cleaning up ---


def tenants_to_clean(conn: Connection, tenant_id: str | None) -> Sequence[str]:
    chosen = true() if tenant_id is None else tenants.c.tenant_id == tenant_id
    return conn.execute(select(tenants.c.tenant_id).where(chosen)).scalars().all()


def find_old(
    conn: Connection, tenant_id: str, *, before: float, after: Position | None, limit: int
) -> tuple[Position | None, Sequence[int]]:
    """Of the next `limit` that had finished before: the last one's place, and which may go.

    Of a tenant whose application takes no reports none may, however many there are: so they are
    looked at in pages, and not by the writer.
    """
    statement = select(_m.finished_at, _m.pk).where(
        _m.tenant_id == tenant_id, _m.finished_at < before
    )
    if after is not None:
        statement = statement.where(tuple_(_m.finished_at, _m.pk) > after)
    by_age = by_index(statement, messages, "messages_finished")
    page = conn.execute(by_age.order_by(_m.finished_at, _m.pk).limit(limit)).all()
    if not page:
        return None, ()
    last = page[-1]
    found = _of_these_old(conn, tenant_id, [row.pk for row in page], before)
    return (last.finished_at, last.pk), found


def remove_old(conn: Connection, tenant_id: str, pks: Sequence[int], *, before: float) -> int:
    """Those of them that may still go: a person may have retried one, or replayed its report."""
    return remove_messages(conn, tenant_id, _of_these_old(conn, tenant_id, pks, before))


def _of_these_old(
    conn: Connection, tenant_id: str, pks: Sequence[int], before: float
) -> Sequence[int]:
    """Finished before, and all their events settled before: reported, or parked."""
    awaited = select(events.c.pk).where(
        events.c.tenant_id == _m.tenant_id,
        events.c.message_pk == _m.pk,
        or_(is_unreported, events.c.reported_ts >= before),
    )
    statement = select(_m.pk).where(
        _m.tenant_id == tenant_id,
        _m.pk.in_(pks),
        _m.finished_at < before,
        _m.state.in_(stored(FINAL)),
        ~by_index(awaited, events, "events_of_message").exists(),
    )
    return conn.execute(statement).scalars().all()


def tenants_with_commands(conn: Connection, *, before: float) -> list[str]:
    """Those of whom something this old is in the command log; also tenants that are gone."""
    c = command_log.c
    oldest = select(func.min(c.pk))
    return [
        tenant_id
        for tenant_id in logged_tenants(conn)
        if conn.execute(oldest.where(c.tenant_id == tenant_id)).scalar_one() < first_pk_at(before)
    ]


def remove_commands(conn: Connection, tenant_id: str, *, before: float, limit: int) -> int:
    """Remove up to `limit` lines of the command log that are older."""
    c = command_log.c
    old = select(c.pk).where(c.tenant_id == tenant_id, c.pk < first_pk_at(before)).limit(limit)
    gone = delete(command_log).where(c.tenant_id == tenant_id, c.pk.in_(old))
    return conn.execute(gone).rowcount
