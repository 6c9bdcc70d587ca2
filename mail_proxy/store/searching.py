"""Finding the messages that match a filter: short reads, in the order of tenant, priority, pk.

Where an index names a few candidates (some ids, a batch, what waits or has failed), only they are
read. Else the queue is walked in windows of a few thousand rows, so that no read is long, however
rare a match is; who asks goes on from where a read ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    func,
    select,
    tuple_,
    union_all,
)

from mail_proxy.domain.filters import Field, Pattern, Status, Term
from mail_proxy.domain.state import Event, State, sources
from mail_proxy.store.conditions import begins_with, conditions
from mail_proxy.store.direction import directed, is_beyond, is_within
from mail_proxy.store.indexed import by_index, by_key
from mail_proxy.store.messages import completed
from mail_proxy.store.rows import MESSAGE_COLUMNS
from mail_proxy.store.schema import TROUBLED, messages, stored, tenants
from mail_proxy.store.values.messages import Found, Key, MessageFilter, MessageRow, Position

WINDOW = 5_000  # rows looked at in one read, about 10 ms
CANDIDATES = 5_000  # more are not read from an index of their own and sorted, for each page
_m = messages.c
_KEY = (_m.tenant_id, _m.priority, _m.pk)


def search_page(
    conn: Connection,
    chosen: MessageFilter,
    *,
    limit: int,
    after: Position | None,
    reverse: bool = False,
) -> Found[MessageRow, Position]:
    """Up to `limit` messages that match."""
    statement, end = _next(conn, chosen, after, reverse)
    rows = completed(conn, statement.with_only_columns(*MESSAGE_COLUMNS).limit(limit))
    return Found(rows, _place(rows, limit, end))


def search_keys(
    conn: Connection, chosen: MessageFilter, *, limit: int, after: Position | None
) -> Found[Key, Position]:
    """The same, of each message only what names it."""
    statement, end = _next(conn, chosen, after, False)
    columns = (*_KEY, _m.id, _m.size_bytes)
    rows = list(conn.execute(statement.with_only_columns(*columns).limit(limit)))
    keys = [Key(row.id, row.pk, row.size_bytes) for row in rows]
    return Found(keys, _place(rows, limit, end))


def _place(rows: Sequence[Any], limit: int, end: Position | None) -> Position | None:
    """Where to go on: after the last row of a full page, else after what was looked at."""
    if len(rows) < limit:
        return end
    last = rows[-1]
    return last.tenant_id, last.priority, last.pk


def _next(
    conn: Connection, chosen: MessageFilter, after: Position | None, reverse: bool
) -> tuple[Select[Any], Position | None]:
    """What to read next, and where that ends; None: nowhere, it is all there is."""
    statement = select(_m.pk).where(*conditions(chosen)).order_by(*directed(_KEY, reverse))
    if after is not None:
        statement = statement.where(is_beyond(*_compared(after, chosen.tenant_id), reverse))
    few = candidates(conn, chosen)
    if few is not None:
        among = statement.where(tuple_(_m.tenant_id, _m.pk).in_(few))
        return by_key(among, messages), None
    statement = by_index(statement, messages, "messages_listed")
    if not chosen.terms:
        return statement, None
    end = _window_end(conn, chosen.tenant_id, after, reverse)
    if end is not None:
        statement = statement.where(is_within(*_compared(end, chosen.tenant_id), reverse))
    return statement, end


# --- a walk in windows ---


def _window_end(
    conn: Connection, tenant_id: str | None, after: Position | None, reverse: bool
) -> Position | None:
    """The last key of the next window; None where the rest is shorter than one."""
    statement = select(*_KEY).order_by(*directed(_KEY, reverse)).offset(WINDOW - 1).limit(1)
    if tenant_id is not None:
        statement = statement.where(_m.tenant_id == tenant_id)
    if after is not None:
        statement = statement.where(is_beyond(*_compared(after, tenant_id), reverse))
    row = conn.execute(by_index(statement, messages, "messages_listed")).first()
    return None if row is None else (row.tenant_id, row.priority, row.pk)


def _compared(at: Position, tenant_id: str | None) -> tuple[Any, Any]:
    if at[0] == tenant_id:
        # With the tenant fixed by the filter, SQLite goes on within the index only if the
        # comparison begins at the next column; else it walks all that was read before.
        return tuple_(_m.priority, _m.pk), tuple_(*at[1:])
    return tuple_(*_KEY), tuple_(*at)


# --- candidates ---


def candidates(conn: Connection, chosen: MessageFilter) -> Any:
    """Keys among which all matches are, from an index; None where there is none, or too many."""
    for term in chosen.terms:
        named = _named(term)
        if not named:
            continue
        parts = [_of_tenants(part, chosen.tenant_id) for part in named]
        # Of a compound alone SQLite would take the tenants only, and walk all their rows.
        keys = parts[0] if len(parts) == 1 else select(union_all(*parts).subquery())
        some = keys.limit(CANDIDATES + 1).subquery()
        n = conn.execute(select(func.count()).select_from(some)).scalar_one()
        if n <= CANDIDATES:
            return keys
    return None


def states_of(chosen: MessageFilter) -> frozenset[State]:
    """All states in which a message can match."""
    wanted = frozenset(State)
    for term in chosen.terms:
        if term.field is Field.STATE and not term.is_negated:
            wanted &= _states_in(term)
    return wanted


def is_deferred(chosen: MessageFilter) -> bool:
    """Of the waiting ones only those that are not due can match."""
    return any(
        term.field is Field.STATE
        and not term.is_negated
        and all(
            State.WAITING not in test.states or test.is_due is False
            for test in term.tests
            if isinstance(test, Status)
        )
        for term in chosen.terms
    )


def _states_in(term: Term) -> frozenset[State]:
    return frozenset[State]().union(*(t.states for t in term.tests if isinstance(t, Status)))


def _of_tenants(part: Select[Any], tenant_id: str | None) -> Select[Any]:
    """Of one tenant, or of all: keys begin with the tenant, so each is probed."""
    if tenant_id is not None:
        return part.where(_m.tenant_id == tenant_id)
    return part.where(_m.tenant_id.in_(select(tenants.c.tenant_id)))


def _named(term: Term) -> list[Select[Any]]:
    """The selects that find all that a term can mean by an index; none where there is none."""
    if term.is_negated:
        return []
    match term.field:
        case Field.ID:
            return list(_ids(term))
        case Field.BATCH:
            return list(_batches(term))
        case Field.STATE:
            return list(_states(term))
        case _:
            return []


def _keys(index: str, *where: ColumnElement[bool]) -> Select[Any]:
    keys = select(_m.tenant_id, _m.pk).where(*where)
    return by_index(keys, messages, index).correlate(None)


def _ids(term: Term) -> Iterator[Select[Any]]:
    patterns = [test for test in term.tests if isinstance(test, Pattern)]
    if not all(pattern.parts[0] for pattern in patterns):
        return  # it begins with a wildcard: no index begins like that
    if exact := [pattern.exact for pattern in patterns if pattern.exact is not None]:
        yield _keys("messages_id", _m.id.in_(exact))
    for pattern in patterns:
        if pattern.exact is None:
            yield _keys("messages_id", begins_with(_m.id, pattern.parts[0]))


def _batches(term: Term) -> Iterator[Select[Any]]:
    exact = [test.exact for test in term.tests if isinstance(test, Pattern)]
    if all(code is not None for code in exact):
        yield _keys("messages_batch", _m.batch_code.in_(exact))


def _states(term: Term) -> Iterator[Select[Any]]:
    """What is not finished well: of that there may be a few beside millions that are sent."""
    wanted = _states_in(term)
    if State.SENT in wanted:
        return
    for states, index in _INDEXED:
        if some := wanted & states:
            # The condition of a partial index must be said as it stands there.
            of_index = _m.state.in_(stored(states))
            yield _keys(index, of_index, *([_m.state.in_(stored(some))] if some < states else []))


_INDEXED: tuple[tuple[frozenset[State], str], ...] = (
    (sources(Event.CLAIM), "messages_due"),
    (frozenset({State.LEASED}), "messages_leased"),
    (frozenset({State.SUSPENDED}), "messages_suspended"),
    (TROUBLED, "messages_troubled"),
)
