"""A change of some fields of an account, as a request for the whole of it."""

from __future__ import annotations

from typing import Any

from mail_proxy.domain.errors import Invalid
from mail_proxy.operations.credentials import shown_oauth2
from mail_proxy.secrets import MASK
from mail_proxy.store.values.tenants import Account
from mail_proxy.wire.accounts import AccountFields, AddAccount, UpdateAccount
from mail_proxy.wire.fields import parse_request

_PASSWORDS = ("password", "imap_password")
_LOGIN = frozenset({"password", "oauth2", "auth_method"})
_TLS = frozenset({"tls_mode", "use_tls"})


def merged(request: UpdateAccount, old: Account) -> AddAccount:
    """What would have to be added again: all that `old` has, with the change in it.

    Stored secrets stand in it as masks. Raises Invalid naming a field that does not fit.
    """
    given = request.model_dump(exclude={"tenant_id", "account_id"}, exclude_none=True)
    if "password" in given and given.get("auth_method", old.auth_method) == "oauth2":
        why = "this account logs in with access tokens: give auth_method too"
        raise Invalid(f"password: {why}", field="password")
    asked = {"id": old.account_id, **_kept(given, old), **given}
    return parse_request(AddAccount, {name: v for name, v in asked.items() if v not in ("", [])})


def _kept(given: dict[str, Any], old: Account) -> dict[str, Any]:
    """Of the stored account, without what the change takes the sense of."""
    kept = {name: getattr(old, name) for name in AccountFields.model_fields} | _secrets(old)
    gone: set[str] = set()
    if given.keys() & _TLS:
        gone |= _TLS  # two words for one thing
    if given.get("is_pec_account", old.is_pec_account) != old.is_pec_account:
        gone.add("in_doubt")
    if "oauth2" in given:
        gone |= {"auth_method", "password"}
    elif given.get("auth_method") == "password":
        gone.add("oauth2")
    if given.get("user") == "":
        gone.add("password")
    if old.secret_unreadable and given.keys() & _LOGIN:
        gone |= {*_PASSWORDS, "oauth2"}  # nobody can read them any more
    return {name: value for name, value in kept.items() if name not in gone and value is not None}


def _secrets(old: Account) -> dict[str, Any]:
    """Masks, which keep them."""
    masks: dict[str, Any] = {n: MASK for n in _PASSWORDS if getattr(old, n) is not None}
    if old.oauth2 is not None:
        masks["oauth2"] = shown_oauth2(old)
    elif old.secret_unreadable:
        # One mask keeps all that is sealed; of a login with tokens nothing else can be read.
        is_oauth2 = old.auth_method == "oauth2"
        masks |= {"oauth2": {"refresh_token": MASK}} if is_oauth2 else {"password": MASK}
    return masks
