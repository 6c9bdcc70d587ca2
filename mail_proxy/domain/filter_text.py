"""The filter language: `state:deferred,failed to:*@example.com -batch:may age:>1h "a b"`.

Terms stand between spaces and must all hold; values stand between commas and one is enough. A
leading `-` negates a term, `*` is any run of characters, quotes make letters of all that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.filters import (
    MAX_VALUE_CHARS,
    MAX_WILDCARDS,
    STATUS_WORDS,
    Codes,
    Comparison,
    Field,
    Filter,
    Number,
    Pattern,
    Status,
    Term,
    Test,
    near_status,
    status_of,
)
from mail_proxy.domain.message import PRIORITIES
from mail_proxy.domain.suggest import did_you_mean, near
from mail_proxy.domain.units import LATEST_TS

MAX_CHARS = 4000
MAX_TESTS = 40  # values of all terms: each is compared with every message that is looked at
MAX_RECIPIENT_TESTS = 8  # of `to:` and bare words: each reads every recipient of a message

_OF_RECIPIENTS = {Field.TO, Field.ANY}
_NAME = re.compile(r"([A-Za-z_]+):")
_COMPARISON = re.compile(r"(<=|>=|<|>|=)?(.*)", re.DOTALL)
_DURATION = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,3})?[smhdw])+", re.IGNORECASE)
_PIECE = re.compile(r"([0-9.]+)([smhdw])", re.IGNORECASE)
_CODE = re.compile(r"[2-5](?:[0-9]{2}|[0-9][xX]|[xX]{2})")
_PRIORITIES = PRIORITIES | {str(n): n for n in PRIORITIES.values()} | {"normal": 2}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True, slots=True)
class _Value:
    """One value. text: without its quotes. parts: the same, cut at the wildcards.

    at: its place in the filter, from 1. is_plain: nothing of it was quoted.
    """

    text: str
    parts: tuple[str, ...]
    at: int
    is_plain: bool


def parse_filter(text: str) -> Filter:
    """The terms in their order; none for an empty text.

    Raises Invalid with the field `filter`; its sentence tells the place, from 1, and the word, and
    `detail` has them as `position`, `word` and, where there is one, `suggestion`.
    """
    if len(text) > MAX_CHARS:
        raise _wrong(f"longer than {MAX_CHARS} characters", "", MAX_CHARS)
    terms = tuple(_terms(text))
    if _n_tests(terms) > MAX_TESTS:
        raise _wrong(f"more than {MAX_TESTS} values", "", len(text))
    if _n_tests(term for term in terms if term.field in _OF_RECIPIENTS) > MAX_RECIPIENT_TESTS:
        why = f"more than {MAX_RECIPIENT_TESTS} values of 'to:' and bare words"
        raise _wrong(why, "", len(text))
    return terms


def _n_tests(terms: Iterable[Term]) -> int:
    return sum(len(term.tests) for term in terms)


def _wrong(why: str, word: str, at: int, after: str = "", suggestion: str = "") -> Invalid:
    detail = {"position": at, "word": word, **({"suggestion": suggestion} if suggestion else {})}
    return Invalid(f"filter: {why} (at {at}).{after}", field="filter", detail=detail)


# --- from characters to values ---


def _terms(text: str) -> Iterator[Term]:
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        begin = place
        is_negated = text[place] == "-"
        place += is_negated
        named = _NAME.match(text, place)
        name = named[1] if named else ""
        place = named.end() if named else place
        read = _reader(name, begin + is_negated + 1)
        values, place = _values(text, place)
        if values == [] or not all(value.parts for value in values):
            said = text[begin:place]
            raise _wrong(f"a value is missing in '{said[:80]}'", said, begin + 1)
        yield Term(read.field, tuple(read.test(value) for value in values), is_negated)


def _values(text: str, place: int) -> tuple[list[_Value], int]:
    """The values up to the next space, and where that is."""
    values = []
    while True:
        value, place = _value(text, place)
        values.append(value)
        if place == len(text) or text[place] != ",":
            return values, place
        place += 1


def _value(text: str, place: int) -> tuple[_Value, int]:
    begin = place
    parts, is_plain = [""], True
    while place < len(text) and text[place] != "," and not text[place].isspace():
        if text[place] == '"':
            quoted, place = _quoted(text, place)
            parts[-1] += quoted
            is_plain = False
        elif text[place] == "*":
            parts.append("")
            place += 1
        else:
            parts[-1] += text[place]
            place += 1
    whole = "*".join(parts)
    if len(parts) > MAX_WILDCARDS + 1:
        raise _wrong(f"more than {MAX_WILDCARDS} '*' in '{whole[:80]}'", whole, begin + 1)
    if len(whole) > MAX_VALUE_CHARS:
        raise _wrong(f"'{whole[:20]}…' has more than {MAX_VALUE_CHARS} characters", "", begin + 1)
    is_empty = not whole and is_plain
    return _Value(whole, () if is_empty else tuple(parts), begin + 1, is_plain), place


def _quoted(text: str, begin: int) -> tuple[str, int]:
    found = ""
    place = begin + 1
    while place < len(text):
        letter = text[place]
        if letter == '"':
            return found, place + 1
        if letter == "\\" and text[place + 1 : place + 2] in {'"', "\\"}:
            place += 1
        found += text[place]
        place += 1
    raise _wrong("a quote is not closed", text[begin : begin + 40], begin + 1)


# --- from values to tests ---


def _name(value: _Value) -> Test:
    return Pattern(value.parts)


def _phrase(value: _Value) -> Test:
    """A part of a text, unless a wildcard or a leading `=` says how the whole is."""
    if value.is_plain and value.text.startswith("=") and len(value.text) > 1:
        return Pattern((value.parts[0][1:], *value.parts[1:]))
    return Pattern(value.parts, is_whole=len(value.parts) > 1)


def _state(value: _Value) -> Status:
    found = status_of(value.text)
    if found is None:
        after = near_status(value.text)
        raise _wrong(f"'{value.text[:40]}' is no state", value.text, value.at, after)
    return found


def _priority(value: _Value) -> Test:
    word = value.text.lower()
    if word in _PRIORITIES:
        return Number(Comparison.EQUAL, _PRIORITIES[word])
    after = did_you_mean(word, PRIORITIES) or f" There are: {', '.join(PRIORITIES)}, 0 to 3"
    raise _wrong(f"'{value.text[:40]}' is no priority", value.text, value.at, after)


def _age(value: _Value) -> Test:
    comparison, rest = _compared(value.text)
    if not _DURATION.fullmatch(rest):
        after = " Write an age as in age:>1h, with s, m, h, d or w"
        raise _wrong(f"'{value.text[:40]}' is no age", value.text, value.at, after)
    if comparison in {None, Comparison.EQUAL}:
        after = f" Did you mean 'age:>{rest}'?"
        raise _wrong(f"'{rest}' needs '>' or '<' before it", rest, value.at, after, f">{rest}")
    seconds = sum(float(n) * _SECONDS[unit.lower()] for n, unit in _PIECE.findall(rest))
    assert comparison is not None
    return Number(comparison, seconds)


def _tries(value: _Value) -> Test:
    comparison, rest = _compared(value.text)
    if not (rest.isascii() and rest.isdigit() and len(rest) < 10):
        after = " Write a number, as in tries:>2"
        raise _wrong(f"'{value.text[:40]}' is no number of tries", value.text, value.at, after)
    return Number(comparison or Comparison.EQUAL, int(rest))


def _error(value: _Value) -> Test:
    if value.is_plain and _CODE.fullmatch(value.text):
        code = value.text.lower()
        return Codes(int(code.replace("x", "0")), int(code.replace("x", "9")))
    return _phrase(value)


def _since(value: _Value) -> Test:
    return Number(Comparison.AT_LEAST, _moment(value))


def _until(value: _Value) -> Test:
    return Number(Comparison.LESS, _moment(value))


def _moment(value: _Value) -> float:
    """A day, a day with a time of day (UTC unless it says), or seconds since the epoch."""
    try:
        seconds = float(value.text)
    except ValueError:
        seconds = _iso(value.text)
    if not 0 <= seconds <= LATEST_TS or math.isnan(seconds):
        after = " Write it as 2026-11-21, 2026-11-21T10:30 or seconds since the epoch"
        raise _wrong(f"'{value.text[:40]}' is no time", value.text, value.at, after)
    return seconds


def _iso(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return math.nan


def _compared(text: str) -> tuple[Comparison | None, str]:
    found = _COMPARISON.fullmatch(text)
    assert found is not None
    return (Comparison(found[1]) if found[1] else None), found[2]


# --- the words ---


@dataclass(frozen=True, slots=True)
class _Reader:
    field: Field
    test: Callable[[_Value], Test]


_READERS: Mapping[str, _Reader] = {
    "state": _Reader(Field.STATE, _state),
    "pri": _Reader(Field.PRIORITY, _priority),
    "tenant": _Reader(Field.TENANT, _name),
    "account": _Reader(Field.ACCOUNT, _name),
    "to": _Reader(Field.TO, _phrase),
    "from": _Reader(Field.FROM, _phrase),
    "subject": _Reader(Field.SUBJECT, _phrase),
    "batch": _Reader(Field.BATCH, _name),
    "age": _Reader(Field.AGE, _age),
    "since": _Reader(Field.CREATED, _since),
    "until": _Reader(Field.CREATED, _until),
    "tries": _Reader(Field.TRIES, _tries),
    "error": _Reader(Field.ERROR, _error),
    "id": _Reader(Field.ID, _name),
    "": _Reader(Field.ANY, _name),
}
WORDS = tuple(word for word in _READERS if word)
# By word, the values of those that have a few only; for menus.
VALUES: Mapping[str, tuple[str, ...]] = dict.fromkeys(WORDS, ()) | {
    "state": (*STATUS_WORDS, "failed"),
    "pri": tuple(PRIORITIES),
}
_ALIASES = {
    "status": "state",
    "priority": "pri",
    "tenant_id": "tenant",
    "account_id": "account",
    "batch_code": "batch",
    "sender": "from",
    "recipient": "to",
}


def _reader(name: str, at: int) -> _Reader:
    known = name.lower()
    known = _ALIASES.get(known, known)
    if known in _READERS:
        return _READERS[known]
    guesses = near(known, WORDS)
    after = f" Did you mean '{guesses[0]}:'?" if guesses else f" There are: {', '.join(WORDS)}"
    after += f'. To look for the text itself, put it in quotes: "{name}:…"' if not guesses else ""
    raise _wrong(f"there is no '{name}:'", name, at, after, guesses[0] if guesses else "")
