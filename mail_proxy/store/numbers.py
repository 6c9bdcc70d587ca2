"""Numbers that screens show each second, and what the engine asks at start: bounded reads."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarSelect,
    Select,
    and_,
    case,
    exists,
    func,
    or_,
    select,
    tuple_,
    union_all,
)

from mail_proxy.domain.limits import BUCKET_S
from mail_proxy.domain.message import PRIORITIES
from mail_proxy.domain.state import PENDING, Event, State, sources
from mail_proxy.store.conditions import is_of_paused
from mail_proxy.store.indexed import by_index
from mail_proxy.store.schema import (
    WHOLE_TENANT,
    accounts,
    messages,
    rate_buckets,
    stored,
    suspensions,
    tenants,
)
from mail_proxy.store.schema import counts as counts_table
from mail_proxy.store.values.messages import MessageRow
from mail_proxy.store.values.numbers import AccountPause, AccountUse, Standing
from mail_proxy.store.values.queue import ReadyAccount

MOST_DEFERRED = 4000  # counted, a little more than 1 ms for each thousand
_m = messages.c
_n = counts_table.c
_b = rate_buckets.c


def count_pending(conn: Connection, tenant_id: str | None, batch_code: str | None) -> int:
    """Messages of all, of a tenant, or of one of its batches, that wait or are on their way."""
    statement: Select[Any]
    if batch_code is None:
        statement = select(func.coalesce(func.sum(_n.n), 0)).where(
            _n.state.in_(stored(PENDING)), *_of_tenant(_n.tenant_id, tenant_id)
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


def standing(conn: Connection, tenant_id: str | None, *, now: float) -> Standing:
    """All that a screen shows of the queue: sums that are kept, and probes of `messages_due`."""
    n_runs = conn.execute(
        select(func.count()).select_from(counts_table).where(*_has_waiting(tenant_id))
    ).scalar_one()
    most = max(1, MOST_DEFERRED // max(1, n_runs))
    oldest_at, next_at, later, is_bounded = _waiting(conn, tenant_id, now=now, most=most)
    return Standing(
        totals=_sums(conn, tenant_id),
        deferred=later + _waiting_for_accounts(conn, tenant_id, now=now),
        is_deferred_bounded=is_bounded,
        oldest_waiting_at=oldest_at,
        next_due_at=next_at,
        paused=_paused(conn, tenant_id, now=now),
    )


def _sums(conn: Connection, tenant_id: str | None) -> list[tuple[State, int, int]]:
    summed = select(_n.state, _n.priority, func.sum(_n.n).label("n"))
    chosen = summed.where(_n.n > 0, *_of_tenant(_n.tenant_id, tenant_id))
    grouped = chosen.group_by(_n.state, _n.priority).order_by(_n.state, _n.priority)
    return [(State(row.state), row.priority, int(row.n)) for row in conn.execute(grouped)]


def _waiting(
    conn: Connection, tenant_id: str | None, *, now: float, most: int
) -> tuple[float | None, float | None, Counter[int], bool]:
    """created_at of the oldest due one, among the first of each account and priority (one that was
    tried before may be older by its backoff than the one that is found); the next time at which one
    becomes due; how many are not due, by priority, where their account is not paused, counted to
    just above `most` in each run; and whether there may be more."""
    later = _of_run(select(_m.pk), _m.due_at > now).limit(most + 1).correlate(counts_table)
    n_later = select(func.count()).select_from(later.subquery()).scalar_subquery()
    runs = (
        select(
            _n.priority,
            _first(_m.created_at, _m.due_at <= now).label("oldest_at"),
            _first(_m.due_at, _m.due_at > now).label("next_at"),
            case((is_of_paused(_n.tenant_id, _n.account_id, now), 0), else_=n_later).label("later"),
        )
        .where(*_has_waiting(tenant_id))
        .subquery()
    )
    r = runs.c
    summed = select(
        r.priority,
        func.min(r.oldest_at).label("oldest_at"),
        func.min(r.next_at).label("next_at"),
        func.sum(r.later).label("later"),
        func.max(r.later).label("longest"),
    ).group_by(r.priority)
    rows = conn.execute(summed).all()
    return (
        min((row.oldest_at for row in rows if row.oldest_at is not None), default=None),
        min((row.next_at for row in rows if row.next_at is not None), default=None),
        Counter({row.priority: int(row.later) for row in rows if row.later}),
        any(row.longest > most for row in rows),
    )


def _waiting_for_accounts(conn: Connection, tenant_id: str | None, *, now: float) -> Counter[int]:
    """By priority: all that waits until an account is used again, whatever its own time is."""
    summed = select(_n.priority, func.sum(_n.n).label("n"))
    is_paused = is_of_paused(_n.tenant_id, _n.account_id, now)
    chosen = summed.where(*_has_waiting(tenant_id), is_paused).group_by(_n.priority)
    return Counter({row.priority: int(row.n) for row in conn.execute(chosen)})


def _paused(conn: Connection, tenant_id: str | None, *, now: float) -> list[AccountPause]:
    a = accounts.c
    columns = [a[name] for name in AccountPause._fields]
    is_paused = or_(a.stopped_at.is_not(None), a.paused_until > now)
    chosen = select(*columns).where(is_paused, *_of_tenant(a.tenant_id, tenant_id))
    return [AccountPause(*row) for row in conn.execute(chosen.order_by(a.tenant_id, a.account_id))]


def uses(
    conn: Connection, tenant_id: str | None, *, steady_now: float
) -> dict[tuple[str, str], AccountUse]:
    """What accounts have claimed, and have sent within their limits' windows.

    Those that have neither are left out, and those without a limit have nothing of the second.
    """
    claimed = select(_n.tenant_id, _n.account_id, func.sum(_n.n)).where(
        _n.state.in_(stored([State.LEASED])), _n.n > 0, *_of_tenant(_n.tenant_id, tenant_id)
    )
    found: dict[tuple[str, str], AccountUse] = {}
    for tenant, account, n in conn.execute(claimed.group_by(_n.tenant_id, _n.account_id)):
        found[tenant, account] = AccountUse(int(n), {})
    counting = or_(
        *(
            and_(_b.window_s == window_s, _b.bucket_start > steady_now - window_s - bucket_s)
            for window_s, bucket_s in BUCKET_S.items()
        )
    )
    booked = select(_b.tenant_id, _b.account_id, _b.window_s, func.sum(_b.n)).where(
        counting, *_of_tenant(_b.tenant_id, tenant_id)
    )
    for tenant, account, window_s, n in conn.execute(
        booked.group_by(_b.tenant_id, _b.account_id, _b.window_s)
    ):
        use = found.setdefault((tenant, account), AccountUse(0, {}))
        use.sent[window_s] = int(n)
    return found


def ready_accounts(conn: Connection) -> list[ReadyAccount]:
    """Accounts with waiting messages, of tenants that are active and not suspended."""
    per_priority = union_all(
        *(
            select(
                accounts.c.tenant_id,
                accounts.c.account_id,
                _first_of_account(priority).label("due_at"),
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


def _first_of_account(priority: int) -> ScalarSelect[Any]:
    """A probe of `messages_due` for the account of the outer row."""
    return (
        select(_m.due_at)
        .where(
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


# Messages of one account and priority that wait lie together in `messages_due`, in the order of
# their time: a run. `counts` has a row for each run that is not empty.


def _has_waiting(tenant_id: str | None) -> list[ColumnElement[bool]]:
    is_waiting = _n.state.in_(stored(sources(Event.CLAIM)))
    return [is_waiting, _n.n > 0, *_of_tenant(_n.tenant_id, tenant_id)]


def _of_run(chosen: Select[Any], *where: ColumnElement[bool]) -> Select[Any]:
    """In the run of the outer row of `counts`."""
    within = chosen.where(
        _m.tenant_id == _n.tenant_id,
        _m.account_id == _n.account_id,
        _m.priority == _n.priority,
        _m.state.in_(stored(sources(Event.CLAIM))),
        *where,
    )
    return by_index(within, messages, "messages_due")


def _first(column: ColumnElement[Any], *where: ColumnElement[bool]) -> ScalarSelect[Any]:
    """Of the first message of the run that fits."""
    found = _of_run(select(column), *where).order_by(_m.due_at, _m.pk).limit(1)
    return found.correlate(counts_table).scalar_subquery()


def _is_suspended(tenant_id: ColumnElement[str]) -> ColumnElement[bool]:
    return exists().where(
        suspensions.c.tenant_id == tenant_id, suspensions.c.batch_code == WHOLE_TENANT
    )


def _of_tenant(column: ColumnElement[str], tenant_id: str | None) -> list[ColumnElement[bool]]:
    return [] if tenant_id is None else [column == tenant_id]
