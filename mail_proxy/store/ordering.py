"""Finding messages in another order than that of their keys, page by page, without a sort of all.

An index begins with the tenant, so all messages never lie in one order. But they lie in runs, one
for each tenant, or for each account and priority, and each run has the order that is wanted. A page
is merged of the first messages of the runs: `counts` names those that are not empty, each is
probed, and from the probes follows how far one has to read, which is never much more than the page.

An order has parts, as the priorities, that follow each other. Where a filter is not decided by an
index the runs are walked in windows, as `searching` does; who asks goes on from where a read ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    Subquery,
    case,
    func,
    literal,
    select,
    tuple_,
)

from mail_proxy.domain.filters import Order
from mail_proxy.domain.message import PRIORITIES
from mail_proxy.domain.state import State
from mail_proxy.store.conditions import conditions, is_of_paused
from mail_proxy.store.direction import directed, is_beyond, is_within
from mail_proxy.store.indexed import by_index, by_key
from mail_proxy.store.messages import addressed
from mail_proxy.store.rows import MESSAGE_COLUMNS
from mail_proxy.store.schema import TROUBLED, counts, messages, stored
from mail_proxy.store.searching import WINDOW, candidates, is_deferred, states_of
from mail_proxy.store.values.messages import Found, MessageFilter, MessageRow, Place

_m = messages.c
_n = counts.c


@dataclass(frozen=True)
class _Part:
    """number: of all parts of its order, rising. index: None: the primary key.

    run: what the messages of one run have in common. states: of the messages in it, None: any.
    where: besides, as the index needs it to be said. must: besides, and not in the index.
    priority: of the runs. is_timed: ordered by due_at before pk. is_short: few at any time, in no
    order, so they are sorted.
    """

    number: int
    index: str | None
    run: tuple[Column[Any], ...] = (_m.tenant_id,)
    states: frozenset[State] | None = None
    where: tuple[ColumnElement[bool], ...] = ()
    priority: int | None = None
    is_timed: bool = False
    is_short: bool = False
    must: tuple[ColumnElement[bool], ...] = ()

    @property
    def key(self) -> tuple[Column[Any], ...]:
        return (_m.due_at, _m.pk) if self.is_timed else (_m.pk,)

    def value(self, place: Place) -> tuple[Any, ...]:
        """Of a place, what compares with `key`."""
        return (place.at, place.pk) if self.is_timed else (place.pk,)


# What goes next, and then what does not go by itself.
_BY_NEXT = (
    State.LEASED,
    State.WAITING,
    State.SUSPENDED,
    State.HELD,
    State.IN_DOUBT,
    State.FAILED,
    State.BOUNCED,
    State.SENT,
)


def _next_part(number: int, state: State) -> _Part:
    states, is_it = frozenset({state}), _m.state.in_(stored([state]))
    match state:
        case State.WAITING:
            run = (_m.tenant_id, _m.account_id, _m.priority)
            return _Part(number, "messages_due", run, states, (is_it,), is_timed=True)
        case State.LEASED:  # its index lies by daemon
            return _Part(number, "messages_leased", (), states, (is_it,), is_short=True)
        case State.SUSPENDED:
            return _Part(number, "messages_suspended", states=states, where=(is_it,))
        case State.SENT:
            return _Part(number, None, states=states, must=(is_it,))
        case _:
            of_index = _m.state.in_(stored(TROUBLED))
            return _Part(number, "messages_troubled", states=states, where=(of_index, is_it))


_PARTS: dict[Order, tuple[_Part, ...]] = {
    Order.AGE: (_Part(0, None),),
    Order.PRIORITY: tuple(
        _Part(p, "messages_listed", where=(_m.priority == p,), priority=p)
        for p in sorted(PRIORITIES.values())
    ),
    Order.NEXT: tuple(_next_part(number, state) for number, state in enumerate(_BY_NEXT)),
}


def ordered_page(
    conn: Connection,
    chosen: MessageFilter,
    order: Order,
    *,
    reverse: bool,
    limit: int,
    after: Place | None,
) -> Found[MessageRow, Place]:
    """Up to `limit` messages that match, with their recipients."""
    among = candidates(conn, chosen)
    if among is not None:
        return _sorted_page(conn, chosen, order, reverse, limit, after, among)
    wanted = states_of(chosen)
    walk = _Walk(conn, chosen, reverse)
    rows: list[MessageRow] = []
    for part in reversed(_PARTS[order]) if reverse else _PARTS[order]:
        if part.states is not None and not part.states & wanted:
            continue
        if after is not None and part.number != after.part:
            if (part.number > after.part) is reverse:
                continue
            after = None
        found = walk.read(part, limit=limit - len(rows), after=after)
        rows += found.rows
        if found.after is not None:
            return Found(rows, found.after)
    return Found(rows, None)


@dataclass(frozen=True, slots=True)
class _Walk:
    """One read of some parts."""

    conn: Connection
    chosen: MessageFilter
    reverse: bool

    def read(self, part: _Part, *, limit: int, after: Place | None) -> Found[MessageRow, Place]:
        """What is next in a part. `after` of what is found: None: nothing is left in it."""
        beyond = [] if after is None else [self._is_beyond(part, part.value(after))]
        if part.is_short:
            return self._sorted(part, beyond, limit)
        runs = self._runs(part)
        n = self._count_heads(part, runs, beyond, limit)
        if not n:
            return Found([], None)
        is_walk = bool(self.chosen.terms or self.chosen.up_to is not None or part.must)
        most = max(limit, WINDOW // n) if is_walk else limit
        width = min(most, max(16, 4 * limit // n))
        while True:
            end = self._horizon(part, runs, beyond, limit, width)
            rows = self._page(part, runs, beyond, end, limit)
            if len(rows) == limit or end is None or width >= most:
                break
            width = min(most, 4 * width)  # the runs are uneven, or few of them match
        return self._found(part, rows, limit, end)

    def _sorted(
        self, part: _Part, beyond: Sequence[ColumnElement[bool]], limit: int
    ) -> Found[MessageRow, Place]:
        chosen = select(*MESSAGE_COLUMNS).where(*part.where, *conditions(self.chosen), *beyond)
        ordered = self._in_order(part, chosen).limit(limit)
        rows = self.conn.execute(_by(part, ordered)).all()
        return self._found(part, rows, limit, None)

    def _found(
        self, part: _Part, rows: Sequence[Row[Any]], limit: int, end: Place | None
    ) -> Found[MessageRow, Place]:
        """end: where to go on after a page that is not full."""
        if len(rows) == limit:
            last = rows[-1]
            end = Place(part.number, last.due_at if part.is_timed else 0.0, last.pk)
        return Found(addressed(self.conn, rows) if rows else [], end)

    def _floor(self) -> ColumnElement[Any]:
        """Where what is not due begins in a run: now; of a paused account it is all of it."""
        is_paused = is_of_paused(_n.tenant_id, _n.account_id, self.chosen.now)
        return case((is_paused, -1.0), else_=self.chosen.now).label("floor")

    def _page(
        self,
        part: _Part,
        runs: Subquery,
        beyond: Sequence[ColumnElement[bool]],
        end: Place | None,
        limit: int,
    ) -> Sequence[Row[Any]]:
        page = self._of_runs(part, runs, select(*MESSAGE_COLUMNS), beyond)
        page = page.where(*part.must, *conditions(self.chosen))
        if end is not None:
            page = page.where(self._is_within(part, part.value(end)))
        return self.conn.execute(self._in_order(part, page).limit(limit)).all()

    def _runs(self, part: _Part) -> Subquery:
        """Those that are not empty."""
        columns: list[ColumnElement[Any]] = [_n[column.name] for column in part.run]
        if part.is_timed and is_deferred(self.chosen):
            columns.append(self._floor())
        chosen = select(*columns).where(_n.n > 0)
        if part.states is not None:
            chosen = chosen.where(_n.state.in_(stored(part.states)))
        if part.priority is not None:
            chosen = chosen.where(_n.priority == part.priority)
        if self.chosen.tenant_id is not None:
            chosen = chosen.where(_n.tenant_id == self.chosen.tenant_id)
        return chosen.distinct().subquery("runs")

    def _count_heads(
        self, part: _Part, runs: Subquery, beyond: Sequence[ColumnElement[bool]], limit: int
    ) -> int:
        """Runs that have something, up to as many as the page is long."""
        first = self._first(part, runs, beyond, limit)
        return int(self.conn.execute(select(func.count()).select_from(first)).scalar_one())

    def _first(
        self, part: _Part, runs: Subquery, beyond: Sequence[ColumnElement[bool]], limit: int
    ) -> Subquery:
        """The runs whose first message comes first, with its place."""
        heads = select(*runs.c, *self._nth(part, runs, beyond, 0)).subquery()
        has_some = select(heads).where(heads.c.pk.is_not(None))
        ordered = has_some.order_by(*directed((heads.c.at, heads.c.pk), self.reverse))
        return ordered.limit(limit).subquery("first")

    def _horizon(
        self,
        part: _Part,
        runs: Subquery,
        beyond: Sequence[ColumnElement[bool]],
        limit: int,
        width: int,
    ) -> Place | None:
        """How far to read: no run has more than `width` messages before it, and none of the runs
        that are left out has any. None: to the end of the part."""
        first = self._first(part, runs, beyond, limit)
        nth = self._nth(part, first, beyond, width - 1)
        ends = select(first.c.at, first.c.pk, *(column.label(f"n_{column.key}") for column in nth))
        found = self.conn.execute(ends).all()
        places = [Place(part.number, row.n_at, row.n_pk) for row in found if row.n_pk is not None]
        if len(found) == limit:
            heads = [Place(part.number, row.at, row.pk) for row in found]
            places.append(min(heads) if self.reverse else max(heads))
        if not places:
            return None
        return max(places) if self.reverse else min(places)

    def _nth(
        self, part: _Part, runs: Subquery, beyond: Sequence[ColumnElement[bool]], n: int
    ) -> list[ColumnElement[Any]]:
        """The time and the pk of the n-th message of the outer row's run, beginning with 0."""
        at = _m.due_at if part.is_timed else literal(0.0)
        return [
            self._in_order(part, self._within(part, runs, select(column), beyond))
            .limit(1)
            .offset(n)
            .correlate(runs)
            .scalar_subquery()
            .label(name)
            for name, column in (("at", at), ("pk", _m.pk))
        ]

    def _of_runs(
        self,
        part: _Part,
        runs: Subquery,
        chosen: Select[Any],
        beyond: Sequence[ColumnElement[bool]],
    ) -> Select[Any]:
        return self._within(part, runs, chosen.select_from(runs, messages), beyond)

    def _within(
        self,
        part: _Part,
        runs: Subquery,
        chosen: Select[Any],
        beyond: Sequence[ColumnElement[bool]],
    ) -> Select[Any]:
        same = (column == runs.c[column.name] for column in part.run)
        within = chosen.where(*same, *part.where, *beyond)
        if "floor" in runs.c:
            within = within.where(_m.due_at > runs.c.floor)
        return _by(part, within)

    def _in_order(self, part: _Part, chosen: Select[Any]) -> Select[Any]:
        return chosen.order_by(*directed(part.key, self.reverse))

    def _is_beyond(self, part: _Part, value: tuple[Any, ...]) -> ColumnElement[bool]:
        return is_beyond(tuple_(*part.key), tuple_(*value), self.reverse)

    def _is_within(self, part: _Part, value: tuple[Any, ...]) -> ColumnElement[bool]:
        return is_within(tuple_(*part.key), tuple_(*value), self.reverse)


def _by(part: _Part, statement: Select[Any]) -> Select[Any]:
    if part.index is None:
        return by_key(statement, messages)
    return by_index(statement, messages, part.index)


def _sorted_page(
    conn: Connection,
    chosen: MessageFilter,
    order: Order,
    reverse: bool,
    limit: int,
    after: Place | None,
    among: Any,
) -> Found[MessageRow, Place]:
    """Of a few that an index names: they are sorted."""
    part, at = _part_and_time(order)
    place = tuple_(part, at, _m.pk)
    statement = select(*MESSAGE_COLUMNS).where(
        tuple_(_m.tenant_id, _m.pk).in_(among), *conditions(chosen)
    )
    if after is not None:
        statement = statement.where(is_beyond(place, tuple_(*after), reverse))
    key = directed((part, at, _m.pk), reverse)
    ordered = by_key(statement, messages).order_by(*key).limit(limit)
    rows = addressed(conn, conn.execute(ordered).all())
    return Found(rows, place_of(rows[-1], order) if len(rows) == limit else None)


def _part_and_time(order: Order) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """As a place has them."""
    match order:
        case Order.NEXT:
            numbers = {state.value: number for number, state in enumerate(_BY_NEXT)}
            is_waiting = _m.state == State.WAITING.value
            return case(numbers, value=_m.state), case((is_waiting, _m.due_at), else_=0.0)
        case Order.PRIORITY:
            return _m.priority, literal(0.0)
        case _:
            return literal(0), literal(0.0)


def place_of(row: MessageRow, order: Order) -> Place:
    """Of a message as it was read."""
    match order:
        case Order.NEXT:
            at = row.due_at if row.state is State.WAITING else 0.0
            return Place(_BY_NEXT.index(row.state), at, row.pk)
        case Order.PRIORITY:
            return Place(row.priority, 0.0, row.pk)
        case _:
            return Place(0, 0.0, row.pk)
