"""A change of some fields of an account, as a request for the whole of it."""

from __future__ import annotations

from typing import Any

from mail_proxy.domain.errors import Invalid
from mail_proxy.operations.credentials import shown_oauth2
from mail_proxy.secrets import MASK
from mail_proxy.store.values.tenants import Account
from mail_proxy.wire.accounts import AccountFields, AddAccount, UpdateAccount, tls_of
from mail_proxy.wire.fields import parse_request

_PASSWORDS = ("password", "imap_password")
_LOGIN = frozenset({"password", "oauth2"})
_TLS = frozenset({"tls_mode", "use_tls"})
_MAILBOX = frozenset(name for name in AccountFields.model_fields if name.startswith("imap_"))
_DEFAULT_IF_0 = frozenset({"batch_size", "max_connections"})


def merged(request: UpdateAccount, old: Account) -> AddAccount:
    """What would have to be added again: all that `old` has, with the change in it.

    Stored secrets stand in it as masks. Raises Invalid naming a field that does not fit.
    """
    given = request.model_dump(exclude={"tenant_id", "account_id"}, exclude_none=True)
    if "password" in given and given.get("auth_method", old.auth_method) == "oauth2":
        why = "this account logs in with access tokens: give auth_method too"
        raise Invalid(f"password: {why}", field="password")
    asked = {"id": old.account_id, **_kept(given, old), **given}
    return parse_request(AddAccount, {n: v for n, v in asked.items() if not _is_empty(n, v)})


def _is_empty(name: str, value: Any) -> bool:
    return value in ("", []) or (name in _DEFAULT_IF_0 and value == 0)


def _kept(given: dict[str, Any], old: Account) -> dict[str, Any]:
    """Of the stored account, without what the change takes the sense of."""
    kept = {name: getattr(old, name) for name in AccountFields.model_fields} | _secrets(old)
    gone: set[str] = set()
    if given.keys() & _TLS:
        gone |= _TLS  # two words for one thing
    elif "port" in given and _follows_port(old):
        gone.add("tls_mode")
    if given.get("is_pec_account") and not old.is_pec_account:
        gone.add("in_doubt")
    if given.get("imap_host") == "":
        gone |= _MAILBOX
    if "oauth2" in given:
        gone |= {"auth_method", "password"}
    elif given.get("auth_method") == "password":
        gone.add("oauth2")
    if given.get("user") == "":
        gone.add("password")
    if old.secret_unreadable and _is_another_login(given, old):
        gone |= {*_PASSWORDS, "oauth2"}  # nobody can read them any more
    return {name: value for name, value in kept.items() if name not in gone and value is not None}


def _follows_port(old: Account) -> bool:
    """Its mode is what `use_tls` means on its port, so on another port it may be another one."""
    return old.use_tls is not None and old.tls_mode == tls_of(None, old.use_tls, old.port)


def _is_another_login(given: dict[str, Any], old: Account) -> bool:
    method = given.get("auth_method", old.auth_method)
    return bool(given.keys() & _LOGIN) or method != old.auth_method


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
