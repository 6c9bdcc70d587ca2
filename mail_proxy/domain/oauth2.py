"""OAuth 2.0 for mail servers (RFC 6749): what is asked of a token endpoint, what it says. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mail_proxy.domain.safe_text import safe_text

DEFAULT_LIFETIME_S = 300.0  # of a token whose endpoint does not say (RFC 6749 section 5.1)
LONGEST_LIFETIME_S = 86400.0
_EARLY_S = 300.0  # so long before its end a token is renewed, or a tenth of its life
_TEXT_LIMIT = 200
_MASK = "********"
_BEARER = re.compile(r"[!-~]+\Z")
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}\Z")  # of Microsoft: an id or a domain

_GOOGLE_URL = "https://oauth2.googleapis.com/token"
_GOOGLE_SCOPE = "https://mail.google.com/"
_MICROSOFT_URL = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
_MICROSOFT_SCOPE = "https://outlook.office.com/SMTP.Send offline_access"
_MICROSOFT_APP_SCOPE = "https://outlook.office365.com/.default"

# RFC 6749 section 5.2, and what a person can do about each.
_ADVICE = {
    "invalid_grant": "the refresh token is no longer good; sign in again and give the new one",
    "invalid_client": "the client id or the client secret is wrong or has expired",
    "unauthorized_client": "the client may not use this grant; allow it at the provider",
    "invalid_scope": "the scope is not one that this client may ask for",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """With a refresh token that grant is used, else the client's own credentials.

    is_guarded: a tenant's token has set the endpoint, so it may not lead into our own network.
    """

    token_url: str
    client_id: str
    scope: str = ""
    client_secret: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    is_guarded: bool = False

    def form(self) -> dict[str, str]:
        """What is posted (RFC 6749 sections 2.3.1, 4.4.2 and 6)."""
        kind = "refresh_token" if self.refresh_token else "client_credentials"
        form = {
            "grant_type": kind,
            "refresh_token": self.refresh_token,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "scope": self.scope,
        }
        return {name: value for name, value in form.items() if value}

    def renewed(self, refresh_token: str) -> Grant:
        return replace(self, refresh_token=refresh_token)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """lifetime_s: how long it may be used from now, some time before its end.

    refresh_token: the next one, where the endpoint has given another.
    """

    value: str = field(repr=False)
    lifetime_s: float
    refresh_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Denied:
    """why: for people, without secrets."""

    why: str


def grant_of(stored: Mapping[str, Any], *, is_guarded: bool) -> Grant:
    """The grant that an account's `oauth2` means, its provider's usual values filled in."""
    refresh_token = stored.get("refresh_token") or None
    url, scope = _preset(stored, is_refresh=refresh_token is not None)
    return Grant(
        token_url=stored.get("token_url") or url,
        client_id=stored.get("client_id") or "",
        scope=stored.get("scope") or scope,
        client_secret=stored.get("client_secret") or None,
        refresh_token=refresh_token,
        is_guarded=is_guarded,
    )


def what_is_missing(stored: Mapping[str, Any]) -> tuple[str, str] | None:
    """Field and sentence of what a grant cannot do without; None when it is whole."""
    provider, tenant = stored.get("provider"), stored.get("tenant")
    has_refresh, has_secret = bool(stored.get("refresh_token")), bool(stored.get("client_secret"))
    if not provider and not stored.get("token_url"):
        return "token_url", "give the token endpoint, or the provider google or microsoft"
    if not stored.get("client_id"):
        return "client_id", "missing client_id"
    if not has_refresh and (provider == "google" or not has_secret):
        return "refresh_token", "missing refresh_token" + ("" if provider else " or client_secret")
    if tenant and not _TENANT.match(tenant):
        return "tenant", "the tenant is an id or a domain"
    if provider == "microsoft" and not (has_refresh or tenant or stored.get("token_url")):
        return "tenant", "client credentials need the tenant: its id or its domain"
    return None


def read_answer(status: int, body: bytes, grant: Grant) -> AccessToken | Denied:
    """What the token endpoint said (RFC 6749 sections 5.1 and 5.2)."""
    try:
        said: Any = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    fields = said if isinstance(said, dict) else {}
    token = fields.get("access_token")
    if status != 200 or not isinstance(token, str):
        return Denied(_refusal(status, fields, grant))
    if not _BEARER.match(token) or str(fields.get("token_type", "bearer")).lower() != "bearer":
        return Denied("answered with a token that no mail server takes")
    renewed = fields.get("refresh_token")
    is_other = isinstance(renewed, str) and renewed not in ("", grant.refresh_token)
    return AccessToken(token, _usable_s(fields.get("expires_in")), renewed if is_other else None)


def _usable_s(expires_in: object) -> float:
    try:
        lifetime = float(expires_in) if isinstance(expires_in, int | float | str) else math.nan
    except (ValueError, OverflowError):
        lifetime = math.nan
    if not 0 < lifetime < math.inf:
        lifetime = DEFAULT_LIFETIME_S
    lifetime = min(lifetime, LONGEST_LIFETIME_S)
    return lifetime - min(_EARLY_S, lifetime / 10)


def _refusal(status: int, fields: Mapping[str, Any], grant: Grant) -> str:
    code = fields.get("error")
    if not isinstance(code, str):
        return f"answered {status} and no token"
    words = [f"answered {status} {_shown(code, grant)}"]
    if isinstance(fields.get("error_description"), str):
        words.append(_shown(fields["error_description"], grant))
    if code in _ADVICE:
        words.append(_ADVICE[code] if grant.refresh_token or code != "invalid_grant" else "")
    return "; ".join(word for word in words if word)


def _shown(text: str, grant: Grant) -> str:
    """Foreign text: without controls, short, and without our secrets if they are repeated in it."""
    for secret in (grant.client_secret, grant.refresh_token):
        if secret:
            text = text.replace(secret, _MASK)
    return safe_text(text.splitlines()[0] if text else "", _TEXT_LIMIT)


def _preset(stored: Mapping[str, Any], *, is_refresh: bool) -> tuple[str, str]:
    match stored.get("provider"):
        case "google":
            return _GOOGLE_URL, _GOOGLE_SCOPE
        case "microsoft":
            url = _MICROSOFT_URL.format(tenant=stored.get("tenant") or "common")
            return url, _MICROSOFT_SCOPE if is_refresh else _MICROSOFT_APP_SCOPE
        case _:
            return "", ""
