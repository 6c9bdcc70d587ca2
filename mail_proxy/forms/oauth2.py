"""The questions about a login with access tokens, and the object that their answers make."""

from __future__ import annotations

from typing import Any

from mail_proxy.forms import checks
from mail_proxy.forms.fields import Answers, Field

PREFIX = "oauth2_"  # of the names of answers
METHODS = ("password", "oauth2")
_OTHER = "other"
PROVIDERS = ("google", "microsoft", _OTHER)


def provider(text: str) -> str | None:
    """A provider whose values are known; None for another one."""
    found = checks.choice(*PROVIDERS)(text)
    return None if found == _OTHER else found


def uses_oauth2(answers: Answers) -> bool:
    return answers.get("auth_method") == "oauth2"


def _has_user(answers: Answers) -> bool:
    return bool(answers.get("user"))


def _is_other(answers: Answers) -> bool:
    return uses_oauth2(answers) and not answers.get("oauth2_provider")


FIELDS = (
    Field(
        "auth_method",
        "Login method (password or oauth2)",
        "Secrets are asked next. oauth2: Microsoft, Google.",
        checks.word_of(*METHODS),
        default=lambda _: "password",
        is_wanted=_has_user,
        choices=METHODS,
        is_near_secret=True,
    ),
    Field(
        "oauth2_provider",
        "Provider",
        "google, microsoft or other.",
        provider,
        default=lambda _: "microsoft",
        is_wanted=uses_oauth2,
        choices=PROVIDERS,
    ),
    Field(
        "oauth2_token_url",
        "Token endpoint",
        "As https://login.example.com/token.",
        checks.url,
        is_wanted=_is_other,
    ),
    Field(
        "oauth2_tenant",
        "Tenant",
        "Id or domain of your organisation.",
        checks.line,
        is_wanted=lambda answers: answers.get("oauth2_provider") == "microsoft",
    ),
    Field("oauth2_client_id", "Client id", "Of your app.", checks.secret, is_wanted=uses_oauth2),
    Field(
        "oauth2_client_secret",
        "Client secret",
        "Not shown. Empty: the app has none.",
        checks.line,
        is_wanted=uses_oauth2,
        is_secret=True,
    ),
    Field(
        "oauth2_refresh_token",
        "Refresh token",
        "Of a sign-in. Empty: the app logs in by itself.",
        checks.line,
        is_wanted=uses_oauth2,
        is_secret=True,
    ),
    Field(
        "oauth2_scope",
        "Scope",
        "What is asked for; your provider says it.",
        checks.line,
        is_wanted=_is_other,
    ),
)


def with_object(answers: Answers) -> dict[str, Any]:
    """The answers with those about OAuth 2.0 in one object, as a request has them."""
    request = {name: value for name, value in answers.items() if not name.startswith(PREFIX)}
    parts = {
        name.removeprefix(PREFIX): value
        for name, value in answers.items()
        if name.startswith(PREFIX) and value
    }
    return {**request, "oauth2": parts} if parts else request
