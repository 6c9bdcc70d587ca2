"""Runs a shared form for a command: on a terminal question by question, else by its options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mail_proxy.cli.errors import Cancelled, CommandFailed, InputNeeded
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.here import Here
from mail_proxy.forms.fields import BadAnswer, Form


def checked(form: Form, given: Mapping[str, Any], options: Mapping[str, str]) -> dict[str, Any]:
    """Options as the form's answers. Raises CommandFailed naming the option of a bad one.

    options: field name -> how the option is called.
    """
    answers: dict[str, Any] = {}
    by_name = {field.name: field for field in form.fields}
    for name, value in given.items():
        field = by_name.get(name)
        if value is None:
            continue
        if field is None or not isinstance(value, str):
            answers[name] = value
            continue
        try:
            answers[name] = field.check(value)
        except BadAnswer as error:
            what = options.get(name, field.label)
            raise CommandFailed(f"{what}: {error}", code=ExitCode.USAGE) from error
    return answers


def ask_form(found: Here, form: Form, given: Mapping[str, Any], *, needed: str) -> dict[str, Any]:
    """The filled form. Raises InputNeeded naming `needed` where nobody can be asked."""
    if not found.prompts.is_possible:
        raise InputNeeded(f"{form.title}: nobody can be asked here. Give {needed}")
    from mail_proxy.forms.prompting import FormCancelled, fill  # prompt-toolkit: 100 ms

    try:
        return fill(form, given)
    except FormCancelled as error:
        raise Cancelled from error
