"""Numbers that screens show each second, and what the engine asks at start: bounded reads."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    exists,
    func,
    select,
    tuple_,
    union_all,
)

from mail_proxy.domain.message import PRIORITIES
from mail_proxy.domain.state import PENDING, Event, State, sources
from mail_proxy.store.indexed import by_index
from mail_proxy.store.schema import (
    WHOLE_TENANT,
    accounts,
    messages,
    stored,
    suspensions,
    tenants,
)
from mail_proxy.store.schema import counts as counts_table
from mail_proxy.store.values import Count, MessageRow, ReadyAccount

_m = messages.c
_n = counts_table.c


def counts(conn: Connection, tenant_id: str | None) -> list[Count]:
    """Of each account, state and priority that has messages."""
    statement = select(counts_table).where(_n.n > 0, *_of_tenant(_n.tenant_id, tenant_id))
    ordered = statement.order_by(_n.tenant_id, _n.account_id, _n.state, _n.priority)
    return [
        Count(row.tenant_id, row.account_id, State(row.state), row.priority, row.n)
        for row in conn.execute(ordered)
    ]


def count_pending(conn: Connection, tenant_id: str, batch_code: str | None) -> int:
    """Messages of a tenant, or of one of its batches, that wait or are on their way."""
    statement: Select[Any]
    if batch_code is None:
        statement = select(func.coalesce(func.sum(_n.n), 0)).where(
            _n.tenant_id == tenant_id, _n.state.in_(stored(PENDING))
        )
    else:
        theirs = select(func.count(_m.pk)).where(
            _m.tenant_id == tenant_id, _m.batch_code == batch_code, _m.state.in_(stored(PENDING))
        )
        statement = by_index(theirs, messages, "messages_batch")
    return int(conn.execute(statement).scalar_one())


def count_ahead(conn: Connection, row: MessageRow, *, now: float, most: int) -> int:
    """Waiting messages of its account that go before a due one; counted up to `most`."""
    n = 0
    for priority in range(row.priority + 1):
        is_before = (
            _m.due_at <= now
            if priority < row.priority
            else tuple_(_m.due_at, _m.pk) < (row.due_at, row.pk)
        )
        theirs = (
            select(_m.pk)
            .where(
                _m.tenant_id == row.tenant_id,
                _m.account_id == row.account_id,
                _m.priority == priority,
                _m.state.in_(stored(sources(Event.CLAIM))),
                is_before,
            )
            .limit(most - n)
        )
        chosen = by_index(theirs, messages, "messages_due").subquery()
        n += conn.execute(select(func.count()).select_from(chosen)).scalar_one()
    return n


def oldest_waiting(conn: Connection, tenant_id: str | None, *, now: float) -> float | None:
    """created_at of the oldest due message, among the first due one of each account and priority.

    So it costs a few probes for each account; a message that was tried before may be older by its
    backoff than the one that is found.
    """
    first = select(_m.created_at).where(_m.due_at <= now)
    return conn.execute(_least_of_accounts(first, tenant_id)).scalar()


def ready_accounts(conn: Connection) -> list[ReadyAccount]:
    """Accounts with waiting messages, of tenants that are active and not suspended."""
    per_priority = union_all(
        *(
            select(
                accounts.c.tenant_id,
                accounts.c.account_id,
                _first(select(_m.due_at), priority).label("due_at"),
            )
            for priority in PRIORITIES.values()
        )
    ).subquery()
    a = per_priority.c
    statement = (
        select(a.tenant_id, a.account_id, func.min(a.due_at).label("next_due_at"))
        .join(tenants, and_(tenants.c.tenant_id == a.tenant_id, tenants.c.active))
        .where(~_is_suspended(a.tenant_id), a.due_at.is_not(None))
        .group_by(a.tenant_id, a.account_id)
        .order_by(a.tenant_id, a.account_id)
    )
    return [ReadyAccount(**row._mapping) for row in conn.execute(statement)]


def _least_of_accounts(first: Select[Any], tenant_id: str | None) -> Select[Any]:
    of_tenant = _of_tenant(accounts.c.tenant_id, tenant_id)
    probes = union_all(
        *(
            select(_first(first, priority).label("found")).select_from(accounts).where(*of_tenant)
            for priority in PRIORITIES.values()
        )
    ).subquery()
    return select(func.min(probes.c.found))


def _first(chosen: Select[Any], priority: int) -> Any:
    """A probe of `messages_due` for the account of the outer row."""
    return (
        chosen.where(
            _m.tenant_id == accounts.c.tenant_id,
            _m.account_id == accounts.c.account_id,
            _m.priority == priority,
            _m.state.in_(stored(sources(Event.CLAIM))),
        )
        .order_by(_m.due_at, _m.pk)
        .limit(1)
        .correlate(accounts)
        .scalar_subquery()
    )


def _is_suspended(tenant_id: ColumnElement[str]) -> ColumnElement[bool]:
    return exists().where(
        suspensions.c.tenant_id == tenant_id, suspensions.c.batch_code == WHOLE_TENANT
    )


def _of_tenant(column: ColumnElement[str], tenant_id: str | None) -> list[ColumnElement[bool]]:
    return [] if tenant_id is None else [column == tenant_id]
