"""From a filter to SQL for the file at rest. Pure: text and parameters; values are never text.

It means what the daemon means by the same words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mail_proxy.domain.filters import (
    Codes,
    Comparison,
    Field,
    Filter,
    Number,
    Pattern,
    Status,
    Term,
    Test,
)
from mail_proxy.domain.state import State

_OLDER = {
    Comparison.LESS: Comparison.MORE,
    Comparison.AT_MOST: Comparison.AT_LEAST,
    Comparison.AT_LEAST: Comparison.AT_MOST,
    Comparison.MORE: Comparison.LESS,
    Comparison.EQUAL: Comparison.EQUAL,
}
_NUMBERS = {
    Field.PRIORITY: "m.priority",
    Field.TRIES: "m.tries",
    Field.CREATED: "m.created_at",
}
_NAMES = {
    Field.ID: "m.id",
    Field.TENANT: "m.tenant_id",
    Field.ACCOUNT: "m.account_id",
    Field.BATCH: "m.batch_code",
}
_PHRASES = {Field.FROM: "m.sender", Field.SUBJECT: "m.subject", Field.ERROR: "m.error"}
_DUE = (
    "(m.due_at <= ? AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.tenant_id = m.tenant_id "
    "AND a.account_id = m.account_id AND a.paused_until > ?))"
)
_RECIPIENT = (
    "EXISTS (SELECT 1 FROM recipients r WHERE r.tenant_id = m.tenant_id "
    "AND r.message_pk = m.pk AND {})"
)


@dataclass(frozen=True, slots=True)
class Sql:
    """A condition on `messages m`."""

    text: str
    values: tuple[object, ...] = ()


def condition(chosen: Filter, tenant_id: str | None, now: float) -> Sql:
    """What a row must fulfil."""
    parts = [_term(term, now) for term in chosen]
    if tenant_id is not None:
        parts.append(Sql("m.tenant_id = ?", (tenant_id,)))
    return _joined(parts, " AND ") if parts else Sql("1")


def _joined(parts: Iterable[Sql], by: str) -> Sql:
    found = list(parts)
    text = by.join(f"({part.text})" for part in found)
    return Sql(text, tuple(value for part in found for value in part.values))


def _term(term: Term, now: float) -> Sql:
    wanted = _joined((_test(term.field, test, now) for test in term.tests), " OR ")
    # NULL is neither true nor false; what has no batch is not in that batch.
    return Sql(f"NOT coalesce({wanted.text}, 0)", wanted.values) if term.is_negated else wanted


def _test(field: Field, test: Test, now: float) -> Sql:
    match test:
        case Status():
            return _status(test, now)
        case Codes():
            return Sql("m.error_code BETWEEN ? AND ?", (test.first, test.last))
        case Number() if field is Field.AGE:
            return Sql(f"m.created_at {_OLDER[test.comparison].value} ?", (now - test.value,))
        case Number():
            return Sql(f"{_NUMBERS[field]} {test.comparison.value} ?", (test.value,))
        case Pattern():
            return _pattern(field, test)


def _status(status: Status, now: float) -> Sql:
    if status.is_due is None or State.WAITING not in status.states:
        return _states(status.states)
    due = Sql(_DUE if status.is_due else f"NOT {_DUE}", (now, now))
    some = _joined([_states([State.WAITING]), due], " AND ")
    rest = status.states - {State.WAITING}
    return _joined([_states(rest), some], " OR ") if rest else some


def _states(states: Iterable[State]) -> Sql:
    # Literals, not parameters: SQLite uses a partial index only if it sees them.
    return Sql(f"m.state IN ({', '.join(repr(state.value) for state in sorted(states))})")


def _pattern(field: Field, pattern: Pattern) -> Sql:
    if field in _NAMES:
        return _name(_NAMES[field], pattern)
    if field in _PHRASES:
        return _phrase(_PHRASES[field], pattern)
    if field is Field.TO:
        return _goes_to(pattern)
    begins = Pattern((*pattern.parts, ""))
    part = Pattern(pattern.parts, is_whole=False)
    return _joined([_name("m.id", begins), _goes_to(part)], " OR ")


def _name(column: str, pattern: Pattern) -> Sql:
    """Case counts, as it does for ids everywhere."""
    if pattern.exact is not None:
        return Sql(f"{column} = ?", (pattern.exact,))
    return Sql(f"{column} GLOB ?", (_glob(pattern.parts),))


def _phrase(column: str, pattern: Pattern) -> Sql:
    """Without regard to case, for the letters of ASCII: that is what SQLite knows."""
    if pattern.exact is not None:
        return Sql(f"lower({column}) = lower(?)", (pattern.exact,))
    parts = pattern.parts if pattern.is_whole else ("", *pattern.parts, "")
    return Sql(f"lower({column}) LIKE lower(?) ESCAPE '/'", (_like(parts),))


def _goes_to(pattern: Pattern) -> Sql:
    address = _phrase("r.address", pattern)
    return Sql(_RECIPIENT.format(address.text), address.values)


def _glob(parts: tuple[str, ...]) -> str:
    return "*".join("".join(f"[{c}]" if c in "*?[" else c for c in part) for part in parts)


def _like(parts: tuple[str, ...]) -> str:
    return "%".join("".join(f"/{c}" if c in "%_/" else c for c in part) for part in parts)
