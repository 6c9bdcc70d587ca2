"""The form of a message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from mail_proxy.domain.address import parse_address, parse_addresses
from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.message import PRIORITY_WORDS, check_id
from mail_proxy.domain.safe_text import is_as_it_looks
from mail_proxy.forms import checks
from mail_proxy.forms.fields import Answers, BadAnswer, Field, Form, given_fields

_NORMAL = "medium"


def _sender(text: str) -> str:
    try:
        parse_address(text, field="from")
    except Invalid as error:
        raise BadAnswer(str(error)) from error
    return text


def _recipients(text: str) -> str | None:
    """Addresses by commas, as they were typed; nothing is none."""
    try:
        found = parse_addresses(text, field="to") if text else []
    except Invalid as error:
        raise BadAnswer(str(error)) from error
    return text if found else None


def _needed(text: str) -> str:
    found = _recipients(text)
    if found is None:
        raise BadAnswer("at least one address, as in ann@example.org")
    return found


def _id(text: str) -> str:
    try:
        return check_id(text)
    except Invalid as error:
        raise BadAnswer(str(error)) from error


def _body(text: str) -> str:
    if not text.strip():
        raise BadAnswer("it cannot be empty")
    return text


def message_form(accounts: Sequence[str], sender: str = "") -> Form:
    """accounts: ids of those it may go through, the usual one first. sender: what is offered."""
    offered = [id_ for id_ in accounts if is_as_it_looks(id_)]
    fields = (
        Field(
            "account_id",
            "Account",
            "The SMTP account that it goes through.",
            checks.one_of(*accounts),
            default=lambda _: offered[0] if offered else "",
            choices=tuple(accounts),
        ),
        Field("from", "From", "me@example.com, or Me <me@example.com>.", _sender, lambda _: sender),
        Field("to", "To", "One address or more, by commas.", _needed),
        Field("cc", "Cc", "By commas; empty: nobody.", _recipients),
        Field("subject", "Subject", "A line.", checks.line),
        Field("body", "Body", "A line; Enter alone opens your editor.", _body, is_long=True),
        Field(
            "priority",
            "Priority",
            f"{', '.join(PRIORITY_WORDS)}.",
            checks.choice(*PRIORITY_WORDS),
            default=lambda _: _NORMAL,
            choices=PRIORITY_WORDS,
        ),
        Field("id", "Message id", "Yours; unique for the tenant.", _id, lambda _: uuid4().hex[:12]),
    )
    return Form("New message", fields, _request)


def _request(answers: Answers) -> dict[str, Any]:
    """One message of addMessages."""
    return {"subject": "", **given_fields(answers)}
