"""The form of an SMTP account."""

from __future__ import annotations

from typing import Any

from mail_proxy.forms import checks, oauth2
from mail_proxy.forms.fields import Answers, Field, Form, given_fields

TLS_MODES = ("auto", "starttls", "ssl", "none")


def _has_password(answers: Answers) -> bool:
    return bool(answers.get("user")) and not oauth2.uses_oauth2(answers)


FIELDS = (
    Field(
        "id",
        "Account id",
        "Such as main: letters, digits, '-' and '_'.",
        checks.entity_id,
    ),
    Field("host", "SMTP host", "As your provider names it: smtp.example.com.", checks.host),
    Field(
        "port",
        "Port",
        "587 for STARTTLS, 465 for TLS at once, else 25.",
        checks.port,
        default=lambda _: "587",
    ),
    Field(
        "tls_mode",
        "Encryption",
        "auto: ssl on port 465, else STARTTLS if offered.",
        checks.choice(*TLS_MODES),
        default=lambda _: "auto",
        choices=TLS_MODES,
    ),
    Field(
        "user", "User", "Often the mail address. Empty: no login.", checks.line, empty="no login"
    ),
    *oauth2.FIELDS,
    Field(
        "password",
        "Password",
        "Not shown, and stored encrypted.",
        checks.secret,
        is_wanted=_has_password,
        is_secret=True,
    ),
    Field(
        "limit_per_hour",
        "Limit per hour",
        "Mails in an hour; 0: no limit.",
        checks.limit,
        default=lambda _: "0",
        empty="none",
    ),
    Field(
        "limit_per_day",
        "Limit per day",
        "Mails in a day; 0: no limit.",
        checks.limit,
        default=lambda _: "0",
        empty="none",
    ),
    Field(
        "max_age",
        "Give up after",
        "30m, 12h or 5d. Empty: as the instance says.",
        checks.span,
        empty="as the instance says",
    ),
)


def _request(answers: Answers) -> dict[str, Any]:
    """Fields of addAccount."""
    return given_fields(oauth2.with_object(answers))


ACCOUNT_FORM = Form("New SMTP account", FIELDS, _request)
