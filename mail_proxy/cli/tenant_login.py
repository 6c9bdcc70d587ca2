"""How the proxy logs in at a tenant's application: from options to a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.here import Here
from mail_proxy.cli.passwords import PasswordOptions, find_password
from mail_proxy.forms import checks
from mail_proxy.forms.fields import BadAnswer

_NEEDED = {"bearer": ("token",), "basic": ("user", "password")}


def auth_answers(method: str | None, user: str | None, secret: str | None) -> dict[str, Any]:
    """The login at the application as answers of the form; the method follows from the rest."""
    if method is None and (user or secret):
        method = "basic" if user else "bearer"
    if method is not None and not checks.is_good(checks.choice("none", "bearer", "basic"), method):
        raise CommandFailed(
            f"--auth-method: {BadAnswer('one of none, bearer, basic')}", code=ExitCode.USAGE
        )
    is_bearer = method == "bearer"
    return {
        "auth_method": method,
        "auth_token": secret if is_bearer else None,
        "auth_user": user,
        "auth_password": None if is_bearer else secret,
    }


def find_secret(
    found: Here, file: str | None, token: str | None, password: str | None
) -> str | None:
    value = token if token is not None else password
    if file is None and value is None:
        return None
    return find_password(
        PasswordOptions(
            file=file,
            value=value,
            what="the secret",
            option="--auth-password" if token is None else "--auth-token",
            instead="--auth-secret-file",
        ),
        stdin=found.stdin,
        environ={},
        warn=found.writer.warn,
    )


def complete(auth: dict[str, Any], stored: Callable[[], Mapping[str, Any]]) -> None:
    """Raises CommandFailed when a login lacks what it logs in with.

    stored: asked only when something was not given; its masked secret goes back as it is, and
    so it is kept.
    """
    method = str(auth.get("method"))
    needed = _NEEDED.get(method, ())
    if all(auth.get(name) for name in needed):
        return
    before = stored()
    for name in needed:
        auth[name] = auth.get(name) or before.get(name)
        if not auth[name]:
            option = "--auth-user USER" if name == "user" else "--auth-secret-file FILE"
            raise CommandFailed(
                f"--auth-method {method} needs a {name}, and none is stored: give {option}",
                code=ExitCode.USAGE,
            )
