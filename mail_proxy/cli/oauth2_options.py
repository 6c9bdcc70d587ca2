"""The options of `accounts add` and `update` about a login with access tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.here import Here
from mail_proxy.cli.passwords import PasswordOptions, find_password
from mail_proxy.forms.oauth2 import PREFIX, with_object

METHOD = typer.Option(None, "--auth-method", help="password, or oauth2: access tokens.")
PROVIDER = typer.Option(None, "--oauth2-provider", help="google, microsoft or other.")
TOKEN_URL = typer.Option(None, "--oauth2-token-url", help="Where tokens come from, if other.")
CLIENT_ID = typer.Option(None, "--oauth2-client-id", help="Of your app.")
TENANT = typer.Option(None, "--oauth2-tenant", help="Microsoft's id or domain of yours.")
SCOPE = typer.Option(None, "--oauth2-scope", help="What is asked for, if not the usual.")
SECRET_FILE = typer.Option(
    None, "--oauth2-secret-file", metavar="FILE", help="The client secret; - is stdin."
)
REFRESH_FILE = typer.Option(
    None, "--oauth2-refresh-file", metavar="FILE", help="The refresh token; - is stdin."
)

# Itself, and what it fills in: a stored value of another one would hide that.
_OF_PROVIDER = frozenset({"provider", "token_url", "scope", "tenant"})
# What one of them has given, and another one must not be told.
_SECRETS = frozenset({"client_secret", "refresh_token"})


def answers(
    found: Here,
    *,
    method: str | None,
    provider: str | None,
    token_url: str | None,
    client_id: str | None,
    tenant: str | None,
    scope: str | None,
    secret_file: str | None,
    refresh_file: str | None,
) -> dict[str, Any]:
    """As answers of the form; any of them means this kind of login.

    Raises CommandFailed when that is contradicted, or for a file that cannot be read.
    """
    parts = {
        "provider": provider,
        "token_url": token_url,
        "client_id": client_id,
        "tenant": tenant,
        "scope": scope,
        "client_secret": _secret(found, secret_file),
        "refresh_token": _secret(found, refresh_file),
    }
    given = {PREFIX + name: value for name, value in parts.items() if value is not None}
    if given and method == "password":
        raise CommandFailed(
            "--auth-method password contradicts the options of oauth2", code=ExitCode.USAGE
        )
    return {"auth_method": "oauth2" if given else method, **given}


def completed(found: Here, given: dict[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The request with its `oauth2` whole: what is known of the account, and a secret asked for.

    known: the account's own `oauth2`, its secrets masked.
    """
    request = with_object(given)
    if request.get("auth_method") != "oauth2":
        request.pop("oauth2", None)
        return request
    parts = request.get("oauth2", {})
    # In `parts` the provider `other` is absent, as one that is not given.
    provider = given.get(PREFIX + "provider", known.get("provider"))
    gone = _OF_PROVIDER | _SECRETS if provider != known.get("provider") else set()
    if parts.get("token_url", known.get("token_url")) != known.get("token_url"):
        gone |= _SECRETS
    oauth2 = {**{name: v for name, v in known.items() if name not in gone}, **parts}
    if not oauth2.get("client_secret") and not oauth2.get("refresh_token"):
        option = "--oauth2-secret-file, or --oauth2-refresh-file"
        oauth2["client_secret"] = found.prompts.password("Client secret", option)
    return {**request, "oauth2": oauth2}


def _secret(found: Here, file: str | None) -> str | None:
    if file is None:
        return None
    return find_password(
        PasswordOptions(file), stdin=found.stdin, environ={}, warn=found.writer.warn
    )
