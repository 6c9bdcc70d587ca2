"""From a filter to conditions on `messages`: columns from a table, values as parameters."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, and_, exists, false, func, literal, not_, or_

from mail_proxy.domain.filters import (
    Codes,
    Comparison,
    Field,
    Number,
    Pattern,
    Status,
    Term,
    Test,
)
from mail_proxy.domain.state import State
from mail_proxy.store.schema import accounts, messages, recipients, stored
from mail_proxy.store.values.messages import MessageFilter

Condition: TypeAlias = ColumnElement[bool]
_m = messages.c
_r = recipients.c
COMPARE: Mapping[Comparison, Callable[[Any, Any], Any]] = {
    Comparison.LESS: operator.lt,
    Comparison.AT_MOST: operator.le,
    Comparison.EQUAL: operator.eq,
    Comparison.AT_LEAST: operator.ge,
    Comparison.MORE: operator.gt,
}
_OLDER = {
    Comparison.LESS: Comparison.MORE,
    Comparison.AT_MOST: Comparison.AT_LEAST,
    Comparison.AT_LEAST: Comparison.AT_MOST,
    Comparison.MORE: Comparison.LESS,
    Comparison.EQUAL: Comparison.EQUAL,
}
_LAST = "\U0010ffff"  # no id has it; what begins as an id does is less than the two together


def conditions(chosen: MessageFilter) -> list[Condition]:
    """What a row must fulfil; nothing where all are wanted."""
    found = [_term(term, chosen.now) for term in chosen.terms]
    if chosen.tenant_id is not None:
        found.append(_m.tenant_id == chosen.tenant_id)
    if chosen.up_to is not None:
        found.append(_m.pk <= chosen.up_to)
    return found


def conditions_anew(chosen: MessageFilter) -> list[Condition]:
    """The same for rows that were found a moment ago, within the writer: all mail waits meanwhile.

    States, tries and times may have changed, and are cheap. Texts cost, and stay as they were.
    """
    changing = (term for term in chosen.terms if not any(map(_is_text, term.tests)))
    return conditions(replace(chosen, terms=tuple(changing)))


def _is_text(test: Test) -> bool:
    return isinstance(test, Pattern)


def begins_with(column: ColumnElement[str], prefix: str) -> Condition:
    """As a range, so that an index of that column can be used."""
    return and_(column >= prefix, column < prefix + _LAST)


def _term(term: Term, now: float) -> Condition:
    wanted = or_(*(_test(term.field, test, now) for test in term.tests))
    # NULL is neither true nor false; what has no batch is not in that batch.
    return not_(func.coalesce(wanted, false())) if term.is_negated else wanted


def _test(field: Field, test: Test, now: float) -> Condition:
    match test:
        case Status():
            return _status(test, now)
        case Codes():
            return _m.error_code.between(test.first, test.last)
        case Number() if field is Field.AGE:
            return _compare(_m.created_at, _OLDER[test.comparison], now - test.value)
        case Number():
            return _compare(_NUMBERS[field], test.comparison, test.value)
        case Pattern():
            return _TEXTS[field](test)


def _compare(column: ColumnElement[Any], comparison: Comparison, value: float) -> Condition:
    compared: Condition = COMPARE[comparison](column, value)
    return compared


def _status(status: Status, now: float) -> Condition:
    if status.states == frozenset(State):
        return _m.pk.is_not(None)
    if status.is_due is None or State.WAITING not in status.states:
        return _m.state.in_(stored(status.states))
    waiting = _m.state.in_(stored([State.WAITING]))
    due = _is_due(now) if status.is_due else not_(_is_due(now))
    rest = status.states - {State.WAITING}
    some = and_(waiting, due)
    return or_(_m.state.in_(stored(rest)), some) if rest else some


def _is_due(now: float) -> Condition:
    """By its own time, and its account is not paused."""
    return and_(_m.due_at <= now, not_(is_of_paused(_m.tenant_id, _m.account_id, now)))


def is_of_paused(
    tenant_id: ColumnElement[str], account_id: ColumnElement[str], now: float
) -> Condition:
    """The account of the outer row waits for a time. What a person has paused waits for none: its
    messages stay pending."""
    a = accounts.c
    return exists().where(
        a.tenant_id == tenant_id, a.account_id == account_id, a.paused_until > now
    )


# --- texts ---


def _name(column: ColumnElement[str], pattern: Pattern) -> Condition:
    """Case counts, as it does for ids everywhere."""
    if pattern.exact is not None:
        return column == pattern.exact
    if len(pattern.parts) == 2 and not pattern.parts[1]:
        return begins_with(column, pattern.parts[0])
    return column.op("GLOB", is_comparison=True, return_type=_BOOLEAN)(_glob(pattern.parts))


def _phrase(column: ColumnElement[str], pattern: Pattern) -> Condition:
    """Without regard to case, for the letters of ASCII: that is what SQLite knows."""
    if pattern.exact is not None:
        return func.lower(column) == func.lower(pattern.exact)
    parts = pattern.parts if pattern.is_whole else ("", *pattern.parts, "")
    return func.lower(column).like(func.lower(literal(_like(parts))), escape="/")


def _goes_to(pattern: Pattern) -> Condition:
    return exists().where(
        _r.tenant_id == _m.tenant_id, _r.message_pk == _m.pk, _phrase(_r.address, pattern)
    )


def _any(pattern: Pattern) -> Condition:
    """The beginning of an id, or a part of a recipient's address."""
    begins = Pattern((*pattern.parts, ""))
    return or_(_name(_m.id, begins), _goes_to(Pattern(pattern.parts, is_whole=False)))


def _glob(parts: tuple[str, ...]) -> str:
    return "*".join("".join(f"[{c}]" if c in "*?[" else c for c in part) for part in parts)


def _like(parts: tuple[str, ...]) -> str:
    return "%".join("".join(f"/{c}" if c in "%_/" else c for c in part) for part in parts)


_BOOLEAN = _m.pk.is_not(None).type
_NUMBERS: Mapping[Field, ColumnElement[Any]] = {
    Field.PRIORITY: _m.priority,
    Field.TRIES: _m.tries,
    Field.CREATED: _m.created_at,
}
_TEXTS: Mapping[Field, Callable[[Pattern], Condition]] = {
    Field.ID: partial(_name, _m.id),
    Field.TENANT: partial(_name, _m.tenant_id),
    Field.ACCOUNT: partial(_name, _m.account_id),
    Field.BATCH: partial(_name, _m.batch_code),
    Field.FROM: partial(_phrase, _m.sender),
    Field.SUBJECT: partial(_phrase, _m.subject),
    Field.ERROR: partial(_phrase, _m.error),
    Field.TO: _goes_to,
    Field.ANY: _any,
}
