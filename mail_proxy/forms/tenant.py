"""The form of a tenant."""

from __future__ import annotations

from typing import Any

from mail_proxy.domain.report_url import DEFAULT_SYNC_PATH
from mail_proxy.forms import checks
from mail_proxy.forms.fields import Answers, Field, Form, given_fields

AUTH_METHODS = ("none", "bearer", "basic")
_AUTH_FIELDS = ("auth_method", "auth_token", "auth_user", "auth_password")


def _has_url(answers: Answers) -> bool:
    return bool(answers.get("client_base_url"))


def _uses(method: str, answers: Answers) -> bool:
    return _has_url(answers) and answers.get("auth_method") == method


FIELDS = (
    Field("id", "Tenant id", "Letters, digits, '-' and '_'.", checks.tenant_id),
    Field("name", "Name", "For people; may be empty.", checks.line),
    Field(
        "client_base_url",
        "Application URL",
        "For reports: https://app.example.com. Empty: none.",
        checks.url,
    ),
    Field(
        "client_sync_path",
        "Path for reports",
        "Added to the URL; reports are posted there.",
        checks.path,
        default=lambda _: DEFAULT_SYNC_PATH,
        is_wanted=_has_url,
    ),
    Field(
        "auth_method",
        "Its login method (none, bearer or basic)",
        "How it logs in there; secrets are asked next.",
        checks.word_of(*AUTH_METHODS),
        default=lambda _: "none",
        is_wanted=_has_url,
        choices=AUTH_METHODS,
        is_near_secret=True,
    ),
    Field(
        "auth_token",
        "Bearer token",
        "Not shown, and stored encrypted.",
        checks.secret,
        is_wanted=lambda answers: _uses("bearer", answers),
        is_secret=True,
    ),
    Field(
        "auth_user",
        "User",
        "For the login there.",
        checks.secret,
        is_wanted=lambda answers: _uses("basic", answers),
    ),
    Field(
        "auth_password",
        "Password",
        "Not shown, and stored encrypted.",
        checks.secret,
        is_wanted=lambda answers: _uses("basic", answers),
        is_secret=True,
    ),
)


def client_auth(answers: Answers) -> dict[str, Any] | None:
    """The login of the proxy at the application; None when nothing was said about it."""
    if not any(answers.get(name) for name in _AUTH_FIELDS):
        return None
    return given_fields(
        {
            "method": answers.get("auth_method") or "none",
            "token": answers.get("auth_token"),
            "user": answers.get("auth_user"),
            "password": answers.get("auth_password"),
        }
    )


def request(answers: Answers) -> dict[str, Any]:
    """Fields of addTenant and updateTenant."""
    fields = {name: value for name, value in answers.items() if name not in _AUTH_FIELDS}
    return given_fields({**fields, "client_auth": client_auth(answers)})


TENANT_FORM = Form("New tenant", FIELDS, request)
