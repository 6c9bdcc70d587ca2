"""A form as data: its fields, their defaults, and what a good answer is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mail_proxy.domain.safe_text import safe_text

Answers = Mapping[str, Any]  # field name -> checked value
MASK = "********"


class BadAnswer(ValueError):
    """Why a text is no answer to a question; one sentence for the person who typed it."""


def _no_default(_answers: Answers) -> str:
    return ""


def _always(_answers: Answers) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Field:
    """One question.

    name: the field of the request.
    help: a line under the question.
    check: the value for what was typed; raises BadAnswer. None leaves the field out.
    default: the text that is offered, from the answers so far.
    is_wanted: whether to ask at all, from the answers so far.
    choices: the answers there are, for completion; empty: anything that `check` takes.
    empty: how the summary has an answer that leaves it open.
    is_near_secret: a secret is asked next, and may be typed here: only `choices` are shown.
    is_long: it may have many lines, written in an editor.
    """

    name: str
    label: str
    help: str
    check: Callable[[str], Any]
    default: Callable[[Answers], str] = _no_default
    is_wanted: Callable[[Answers], bool] = _always
    is_secret: bool = False
    choices: tuple[str, ...] = ()
    is_near_secret: bool = False
    is_long: bool = False
    empty: str = "-"

    def shown(self, value: object) -> str:
        """A value as the summary has it."""
        if value is None or value == "":
            return self.empty
        if self.is_secret:
            return MASK
        if isinstance(value, bool):
            return "yes" if value else "no"
        return safe_text(value, 200)


@dataclass(frozen=True, slots=True)
class Form:
    """Questions in order, and how the answers become a request.

    request: from the answers to the fields of a command.
    """

    title: str
    fields: tuple[Field, ...]
    request: Callable[[Answers], dict[str, Any]]

    def summary(self, answers: Answers) -> list[tuple[str, str]]:
        """(label, value) of what was answered, secrets masked."""
        return [
            (field.label, field.shown(answers[field.name]))
            for field in self.fields
            if field.name in answers and field.is_wanted(answers)
        ]


def given_fields(answers: Answers) -> dict[str, Any]:
    """The answers that say something, as a request takes them."""
    return {name: value for name, value in answers.items() if value is not None}
