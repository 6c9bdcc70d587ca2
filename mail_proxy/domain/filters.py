"""What a search for messages may ask: values only. `filter_text` reads them from a text.

A filter is a tuple of terms, all of which must hold; of a term's tests one is enough.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.state import OPEN, PENDING, State
from mail_proxy.domain.suggest import did_you_mean

MAX_WILDCARDS = 8  # in one value: each may cost a walk through the text
MAX_VALUE_CHARS = 1000


class Field(StrEnum):
    """What of a message is looked at; the words of the language."""

    STATE = "state"
    PRIORITY = "pri"
    TENANT = "tenant"
    ACCOUNT = "account"
    TO = "to"
    FROM = "from"
    SUBJECT = "subject"
    BATCH = "batch"
    AGE = "age"
    CREATED = "created"
    TRIES = "tries"
    ERROR = "error"
    ID = "id"
    ANY = "any"  # a bare word: the beginning of an id, or a part of a recipient's address


class Order(StrEnum):
    """What a list of messages is sorted by."""

    TENANT = "tenant"  # then by priority, then by age
    PRIORITY = "priority"  # then by age
    AGE = "age"  # the oldest first
    NEXT = "next"  # what is on its way, what waits by its time, and then what does not go by itself


class Comparison(StrEnum):
    LESS = "<"
    AT_MOST = "<="
    EQUAL = "="
    AT_LEAST = ">="
    MORE = ">"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text. parts: what stands between the wildcards; one alone: there is no wildcard.

    is_whole: the whole value must look like it, else a part of it.
    """

    parts: tuple[str, ...]
    is_whole: bool = True

    @property
    def exact(self) -> str | None:
        """The one value that it stands for, if it is one."""
        return self.parts[0] if self.is_whole and len(self.parts) == 1 else None


@dataclass(frozen=True, slots=True)
class Status:
    """is_due: of the waiting ones only those that are due, or are not; None: both."""

    states: frozenset[State]
    is_due: bool | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """Compared with a priority, a number of tries, an age in seconds, a time since the epoch."""

    comparison: Comparison
    value: float


@dataclass(frozen=True, slots=True)
class Codes:
    """SMTP reply codes of the latest error, both ends included."""

    first: int
    last: int


Test: TypeAlias = Pattern | Status | Number | Codes


@dataclass(frozen=True, slots=True)
class Term:
    field: Field
    tests: tuple[Test, ...]
    is_negated: bool = False


Filter: TypeAlias = tuple[Term, ...]

# The words of the wire and of the screens. Only waiting ones differ by time.
STATUS_WORDS: dict[str, Status] = {
    "pending": Status(PENDING, is_due=True),
    "deferred": Status(frozenset({State.WAITING}), is_due=False),
    "sent": Status(frozenset({State.SENT})),
    "error": Status(frozenset({State.FAILED})),
    "suspended": Status(frozenset({State.SUSPENDED})),
    "held": Status(frozenset({State.HELD})),
    "in_doubt": Status(frozenset({State.IN_DOUBT})),
    "bounced": Status(frozenset({State.BOUNCED})),
    "ready": Status(frozenset({State.WAITING}), is_due=True),
    "sending": Status(frozenset({State.LEASED})),
    "open": Status(OPEN),
    "all": Status(frozenset(State)),
}
_ALIASES = {
    "failed": "error",
    "defer": "deferred",
    "susp": "suspended",
    "send": "sending",
    "doubt": "in_doubt",
}


def status_of(word: str) -> Status | None:
    """What `deferred`, `failed`, `in-doubt` ask for; None for a word that is no status."""
    known = word.strip().lower().replace("-", "_")
    return STATUS_WORDS.get(_ALIASES.get(known, known))


def near_status(word: str) -> str:
    """What to say after a word that is no status."""
    known = [*STATUS_WORDS, "failed"]
    return did_you_mean(word.lower(), known) or f" There are: {', '.join(STATUS_WORDS)}"


def status_term(words: Iterable[str]) -> Term | None:
    """The term of a list of words; None where they leave nothing out.

    Raises Invalid for a word that is no status, with the field `status`.
    """
    tests = []
    for word in filter(None, (word.strip() for word in words)):
        status = status_of(word)
        if status is None:
            text = f"status: there is no '{word[:40]}'.{near_status(word)}"
            raise Invalid(text, field="status")
        tests.append(status)
    return Term(Field.STATE, tuple(dict.fromkeys(tests))) if tests else None


def part_of(text: str, *, field: str) -> Pattern:
    """A part of a text, wildcards being letters like others. Raises Invalid for a huge one."""
    if len(text) > MAX_VALUE_CHARS:
        raise Invalid(f"{field}: longer than {MAX_VALUE_CHARS} characters", field=field)
    return Pattern((text,), is_whole=False)


def only_tenant(chosen: Filter) -> str | None:
    """The one tenant whose messages alone can match, where the filter names one."""
    for term in chosen:
        if term.field is Field.TENANT and not term.is_negated and len(term.tests) == 1:
            (test,) = term.tests
            if isinstance(test, Pattern) and test.exact is not None:
                return test.exact
    return None
