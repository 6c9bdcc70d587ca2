"""Asks a form on a terminal, question by question, with prompt-toolkit.

Questions and answers go to stderr, so that what a command prints stays apart.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Protocol

from prompt_toolkit import PromptSession
from prompt_toolkit.application.current import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout.processors import (
    ConditionalProcessor,
    PasswordProcessor,
    Processor,
)
from prompt_toolkit.output import create_output
from prompt_toolkit.validation import ValidationError, Validator

from mail_proxy.domain.safe_text import is_as_it_looks, safe_page, safe_text
from mail_proxy.forms import checks
from mail_proxy.forms.editor import EditorFailed, edited
from mail_proxy.forms.ending import Ended, tidied
from mail_proxy.forms.fields import Answers, BadAnswer, Field, Form

_SAVE, _EDIT = "y", "e"


class FormCancelled(Exception):
    """The person left the form; nothing was saved."""


class GoneBack(Exception):
    """The person wants to answer the question before once more."""


class Asker(Protocol):
    """Puts one question; returns what was typed. Raises FormCancelled, GoneBack."""

    def text(self, field: Field, default: str, *, is_first: bool = False) -> str:
        """is_first: there is no question to go back to."""
        ...

    def save(self) -> str:
        """`y`, `n` or `e`, to the question after the summary."""
        ...

    def say(self, line: str) -> None: ...


def fill(form: Form, given: Answers, asker: Asker | None = None) -> dict[str, Any]:
    """The request of a filled form. Raises FormCancelled.

    given: answers that are known already; they are not asked, but can be edited.
    """
    asker = asker or TerminalAsker()
    asker.say(form.title)
    answers = _ask_all(form, dict(given), {}, asker)
    while True:
        for label, value in form.summary(answers):
            asker.say(f"  {label}: {value}")
        try:
            word = asker.save()
        except GoneBack:
            word = _EDIT
        if word == _SAVE:
            return form.request(answers)
        if word != _EDIT:
            raise FormCancelled
        answers = _ask_all(form, {}, answers, asker)


def _ask_all(form: Form, given: Answers, before: Answers, asker: Asker) -> dict[str, Any]:
    # Answers to what is not asked (options of a command line) are kept.
    names = {field.name for field in form.fields}
    extra = {n: v for n, v in {**before, **given}.items() if n not in names}
    known = dict(before)  # what was answered once is offered again
    asked: list[int] = []  # places of the questions put so far
    answers: dict[str, Any] = {}
    at = 0
    while at < len(form.fields):
        field = form.fields[at]
        answers = {**extra, **_answered(form, at, known, given)}
        if field.name not in given and field.is_wanted(answers):
            try:
                known[field.name] = _ask(field, answers, known, asker, is_first=not asked)
            except GoneBack:
                at = asked.pop() if asked else at
                continue
            asked.append(at)
        at += 1
    return {**extra, **_answered(form, at, known, given)}


def _answered(form: Form, end: int, known: Answers, given: Answers) -> dict[str, Any]:
    """The answers to the questions before place `end` that are wanted, as far as they go."""
    answers: dict[str, Any] = {}
    for field in form.fields[:end]:
        if field.name in given:
            answers[field.name] = given[field.name]
        elif field.is_wanted(answers) and field.name in known:
            answers[field.name] = known[field.name]
    return answers


def _ask(field: Field, answers: Answers, before: Answers, asker: Asker, *, is_first: bool) -> Any:
    known = before.get(field.name)
    default = field.default(answers) if known is None else str(known)
    while True:
        typed = asker.text(field, default, is_first=is_first)
        try:
            return field.check(typed if field.is_secret else typed.strip())
        except BadAnswer as error:
            asker.say(f"  {error}")


def ask_one(field: Field, asker: Asker | None = None) -> Any:
    """The answer to one question that belongs to no form. Raises FormCancelled."""
    while True:
        try:
            return _ask(field, {}, {}, asker or TerminalAsker(), is_first=True)
        except GoneBack:
            pass  # there is nothing before it


class TerminalAsker:
    """The person at this terminal."""

    def __init__(self) -> None:
        self._output = create_output(stdout=sys.stderr)

    def text(self, field: Field, default: str, *, is_first: bool = False) -> str:
        toolbar = _toolbar(field.help, is_first=is_first)
        if field.is_secret:
            return self._secret(field, default, toolbar)
        if field.is_long:
            return self._long(field, default, toolbar)
        return self._prompt(
            f"{field.label}: ",
            default=default,
            validator=_Checked(field.check),
            completer=_menu(field.choices),
            input_processors=[_masked(field.choices)] if field.is_near_secret else None,
            bottom_toolbar=toolbar,
        )

    def _long(self, field: Field, known: str, toolbar: str) -> str:
        """One line as it is typed, or what an editor saves."""
        typed = self._prompt(
            f"{field.label}: ",
            default="" if "\n" in known else known,
            bottom_toolbar=toolbar,
        )
        if typed.strip():
            return typed
        try:
            return edited(known)
        except EditorFailed as error:
            self.say(f"  {error}")
            return ""

    def _secret(self, field: Field, known: str, toolbar: str) -> str:
        """Masked and asked twice; Enter alone keeps what is known."""
        while True:
            first = self._prompt(
                f"{field.label}: ",
                is_password=True,
                validator=None if known else _Checked(field.check),
                bottom_toolbar=toolbar,
            )
            if known and not first:
                return known
            again = self._prompt(
                f"{field.label}, once more: ",
                is_password=True,
                bottom_toolbar=_toolbar("The same again."),
            )
            if first == again:
                return first
            self.say("  They differ. Once more, please.")

    def save(self) -> str:
        typed = self._prompt(
            "Save? [Y/n/e] ",
            validator=_Checked(checks.choice("y", "n", "e", "yes", "no", "edit", "")),
            bottom_toolbar=_toolbar("y: save, n: leave it, e or esc: edit the answers"),
        )
        return typed.strip().lower()[:1] or _SAVE

    def say(self, line: str) -> None:
        print(safe_page(line), file=sys.stderr)

    def _prompt(self, question: str, **settings: Any) -> str:
        # A session of its own for each question: one remembers validator, mask and history.
        session: PromptSession[str] = PromptSession(output=self._output, key_bindings=_back())
        try:
            with tidied(session.app) as watch:

                def begin() -> None:
                    watch()
                    _select_all(session.default_buffer)

                return session.prompt(question, pre_run=begin, **settings)
        except (KeyboardInterrupt, EOFError, Ended) as error:
            raise FormCancelled from error


class _Checked(Validator):
    """Tells while typing why an answer is none yet."""

    def __init__(self, check: Callable[[str], Any]) -> None:
        self._check = check

    def validate(self, document: Document) -> None:
        try:
            self._check(document.text.strip())
        except BadAnswer as error:
            raise ValidationError(len(document.text), safe_text(error)) from error


def _masked(choices: tuple[str, ...]) -> Processor:
    """Shows stars for what begins none of the choices: it may be a secret of the next question."""

    def is_foreign() -> bool:
        typed = get_app().current_buffer.text.strip().lower()
        return not any(choice.startswith(typed) for choice in choices)

    return ConditionalProcessor(PasswordProcessor(), Condition(is_foreign))


def _menu(choices: tuple[str, ...]) -> WordCompleter | None:
    """Ids come from others: what is not as it looks can be typed, and is not offered."""
    offered = [choice for choice in choices if is_as_it_looks(choice)]
    return WordCompleter(offered, sentence=True) if offered else None


def _select_all(buffer: Buffer) -> None:
    """What is typed takes the place of the default; an arrow key keeps it to be mended."""
    if buffer.text:
        buffer.cursor_position = 0
        buffer.start_selection()
        buffer.cursor_position = len(buffer.text)
        assert buffer.selection_state is not None
        buffer.selection_state.enter_shift_mode()


def _back() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("escape")
    def _(event: KeyPressEvent) -> None:
        event.app.erase_when_done = True
        event.app.exit(exception=GoneBack())

    return keys


def _toolbar(text: str, *, is_first: bool = False) -> str:
    return f" {text}   ctrl+c cancel{'' if is_first else ' · esc back'}"
