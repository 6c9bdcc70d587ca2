"""The logins of an account: what was given, what is kept where a mask came back, what is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.oauth2 import grant_of, what_is_missing
from mail_proxy.http_out import AllowList, check_callback
from mail_proxy.secrets import MASK
from mail_proxy.store.values.tenants import Account
from mail_proxy.wire.accounts import AccountFields, AddAccount
from mail_proxy.wire.answers import without_nulls

_PASSWORDS = ("password", "imap_password")
_OAUTH2_SECRETS = ("client_secret", "refresh_token")
_ENDPOINT = ("provider", "token_url")


@dataclass(frozen=True, slots=True)
class Credentials:
    """The logins that a request means.

    may_keep: a mask keeps the stored secret. A tenant's token keeps it for the same servers only:
        sent to another one it would be told.
    """

    request: AddAccount
    old: Account | None
    may_keep: bool

    def fields(self) -> dict[str, Any]:
        """Of the account. Raises Invalid naming the field that is missing or may not be kept."""
        sealed = self._keeps_sealed()
        return {
            **{name: self._password(name) for name in _PASSWORDS},
            "auth_method": self._auth_method(),
            "oauth2": self._oauth2(is_sealed=sealed),
            "secret_unreadable": sealed,
        }

    def _auth_method(self) -> str:
        has_oauth2 = self.request.oauth2 is not None
        method = self.request.auth_method or ("oauth2" if has_oauth2 else "password")
        if method == "oauth2" and not has_oauth2:
            raise Invalid("missing oauth2", field="oauth2")
        if method == "oauth2" and not self.request.user:
            raise Invalid("missing user: whose mailbox the access token is for", field="user")
        if method == "password" and has_oauth2:
            raise Invalid("oauth2: only with auth_method oauth2", field="oauth2")
        return method

    def _password(self, field: str) -> str | None:
        given: str | None = getattr(self.request, field)
        old: str | None = getattr(self.old, field) if self.old else None
        return self._kept(given, old, field)

    def _oauth2(self, *, is_sealed: bool) -> dict[str, Any] | None:
        if self.request.oauth2 is None:
            return None
        asked = self.request.oauth2.model_dump(exclude_none=True)
        if is_sealed and any(asked.get(name) == MASK for name in _OAUTH2_SECRETS):
            return None  # as it lies in the row
        stored = (self.old.oauth2 if self.old else None) or {}
        is_other = any(asked.get(name) != stored.get(name) for name in _ENDPOINT)
        for name in _OAUTH2_SECRETS:
            field = f"oauth2.{name}"
            if is_other and asked.get(name) == MASK and stored.get(name):
                # Of the admin's too: what one provider has given is never told to another.
                raise _give_again(field, "another provider or token_url")
            asked[name] = self._kept(asked.get(name), stored.get(name), field)
        missing = what_is_missing(asked)
        if missing is not None:
            field, why = missing
            raise Invalid(f"oauth2: {why}", field=f"oauth2.{field}")
        return without_nulls(asked)

    def _kept(self, given: str | None, old: str | None, field: str) -> str | None:
        if given != MASK:
            return given or None
        if old is not None and not self.may_keep:
            raise _give_again(field)
        return old

    def _keeps_sealed(self) -> bool:
        """A mask came back for a secret that cannot be read now: what is sealed stays as it is."""
        if self.old is None or not self.old.secret_unreadable:
            return False
        masked = [name for name in _PASSWORDS if getattr(self.request, name) == MASK]
        if self.request.oauth2 is not None:
            oauth2 = self.request.oauth2.model_dump()
            masked += [f"oauth2.{name}" for name in _OAUTH2_SECRETS if oauth2[name] == MASK]
        if masked and not self.may_keep:
            raise _give_again(masked[0])
        return bool(masked)


def place_of(account: Account) -> tuple[Any, ...]:
    """Where its secrets are sent, and how well they are hidden on the way."""
    return _place(account, account.tls_mode, account.oauth2)


def asked_place(request: AddAccount) -> tuple[Any, ...]:
    """The same of an account as it is to be."""
    return _place(request, request.tls(), request.oauth2.model_dump() if request.oauth2 else None)


def _place(
    it: Account | AddAccount, tls_mode: str, oauth2: dict[str, Any] | None
) -> tuple[Any, ...]:
    return (
        *(it.host, it.port, tls_mode, it.user),
        *(it.imap_host, it.imap_port, it.imap_ssl, it.imap_user),
        grant_of(oauth2, is_guarded=False).token_url if oauth2 else None,
    )


def unnamed_places(request: AccountFields, account: Account) -> list[str]:
    """Fields of servers that `account` has as it is to be, and that `request` does not name."""
    oauth2 = request.oauth2
    names_endpoint = oauth2 is not None and bool(oauth2.provider or oauth2.token_url)
    is_named = {
        "host": request.host is not None,
        "imap_host": request.imap_host is not None or not account.imap_host,
        # What stays sealed with a lost key names an endpoint that nobody can read now.
        "oauth2": account.auth_method != "oauth2"
        or (names_endpoint and account.oauth2 is not None),
    }
    return [field for field, named in is_named.items() if not named]


def check_token_url(account: Account, allow: AllowList) -> None:
    """One that a tenant's token has set must be outside, and over TLS: secrets go there.

    Raises Blocked, Invalid.
    """
    if account.host_set_by_admin or account.oauth2 is None:
        return
    url = grant_of(account.oauth2, is_guarded=True).token_url
    check_callback(url, allow=allow, field="oauth2.token_url")


def shown_oauth2(account: Account) -> dict[str, Any] | None:
    """As it was given, its secrets masked."""
    if account.oauth2 is None:
        return None
    return {
        name: MASK if name in _OAUTH2_SECRETS and value else value
        for name, value in account.oauth2.items()
    }


def _give_again(field: str, why: str = "another server or user") -> Invalid:
    return Invalid(f"{field} must be given again with {why}", field=field)
