"""The `Authorization` header of a tenant's `client_auth` (RFC 6750, RFC 7617)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from mail_proxy.domain.errors import Invalid


def authorization(auth: Mapping[str, Any] | None) -> str | None:
    """The header's value, or None where there is no login.

    auth: `method` (none, bearer or basic), `token`, `user`, `password`.
    Raises Invalid for another method, and for values that no header can carry.
    """
    method = (auth or {}).get("method") or "none"
    if auth is None or method == "none":
        return None
    if method == "bearer":
        return f"Bearer {_text(auth, 'token')}"
    if method == "basic":
        return _basic(_text(auth, "user"), _text(auth, "password"))
    raise Invalid("the method must be none, bearer or basic", field="client_auth.method")


def _basic(user: str, password: str) -> str:
    if ":" in user:
        raise Invalid("a user name cannot hold a colon", field="client_auth.user")
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def _text(auth: Mapping[str, Any], name: str) -> str:
    value = auth.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or not value.isprintable():
        raise Invalid(f"the {name} must be a text without controls", field=f"client_auth.{name}")
    return value
