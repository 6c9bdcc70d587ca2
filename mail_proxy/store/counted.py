"""How many messages match a filter: from the kept counts where these know it, else counted.

Counting ends at a number, and after some windows of rows, so that no screen reads a million.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, func, not_, or_, select

from mail_proxy.domain.filters import Field, Number, Pattern, Status, Term, Test
from mail_proxy.domain.state import State
from mail_proxy.store.conditions import COMPARE
from mail_proxy.store.schema import counts, stored
from mail_proxy.store.searching import search_keys
from mail_proxy.store.values.messages import MessageFilter

LOOKS = 4  # reads of a window of rows
_n = counts.c


def count_messages(conn: Connection, chosen: MessageFilter, *, most: int) -> tuple[int, bool]:
    """How many, and whether there may be more; of what is counted one by one, up to `most`."""
    kept = _kept(chosen)
    if kept is not None:
        statement = select(func.coalesce(func.sum(_n.n), 0)).where(*kept)
        return int(conn.execute(statement).scalar_one()), False
    n, after = 0, None
    for _ in range(LOOKS):
        found = search_keys(conn, chosen, limit=most + 1 - n, after=after)
        n, after = n + len(found.rows), found.after
        if n > most:
            return most, True
        if after is None:
            return n, False
    return n, True


def _kept(chosen: MessageFilter) -> list[ColumnElement[bool]] | None:
    """The filter as conditions on `counts`; None where these do not know what is asked for."""
    if chosen.up_to is not None:
        return None
    found = [_n.n > 0]
    if chosen.tenant_id is not None:
        found.append(_n.tenant_id == chosen.tenant_id)
    for term in chosen.terms:
        condition = _term(term)
        if condition is None:
            return None
        found.append(condition)
    return found


def _term(term: Term) -> ColumnElement[bool] | None:
    tests = [_test(term.field, test) for test in term.tests]
    known = [test for test in tests if test is not None]
    if len(known) < len(tests):
        return None
    return not_(or_(*known)) if term.is_negated else or_(*known)


def _test(field: Field, test: Test) -> ColumnElement[bool] | None:
    match field, test:
        case Field.STATE, Status(states, is_due) if is_due is None or State.WAITING not in states:
            return _n.state.in_(stored(states))
        case Field.PRIORITY, Number(comparison, value):
            compared: ColumnElement[bool] = COMPARE[comparison](_n.priority, value)
            return compared
        case Field.TENANT, Pattern(exact=str(tenant_id)):
            return _n.tenant_id == tenant_id
        case Field.ACCOUNT, Pattern(exact=str(account_id)):
            return _n.account_id == account_id
        case _:
            return None
