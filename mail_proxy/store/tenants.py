"""Tenants, their keys and their accounts; the same for both databases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, delete, exists, insert, select, tuple_, update

from mail_proxy.domain.webhook import rotated
from mail_proxy.secrets import Keyring
from mail_proxy.store.removing import MESSAGE_CHUNK, remove_messages
from mail_proxy.store.rows import ACCOUNT, TENANT
from mail_proxy.store.schema import (
    accounts,
    api_keys,
    messages,
    metadata,
    stored_files,
    suspensions,
    tenants,
)
from mail_proxy.store.stored_files import drop_stored_files
from mail_proxy.store.values.tenants import Account, ApiKey, Fields, Tenant

R = TypeVar("R")
Edit = Callable[[Account | None], Account]

# --- tenants ---


def put_tenant(
    conn: Connection, tenant: Tenant, *, now: float, keyring: Keyring, only_new: bool = False
) -> bool:
    if only_new and _is_known(conn, tenant.tenant_id):
        return False
    values = TENANT.all_columns(tenant, keyring)
    values.pop("webhook_secrets_enc", None)  # no part of a post: it replaces all that it may name
    return _put(conn, tenants, values, now)


def change_tenant(
    conn: Connection, tenant_id: str, fields: Fields, *, now: float, keyring: Keyring
) -> bool:
    values = TENANT.columns(fields, tenant_id=tenant_id, row=tenant_id, keyring=keyring)
    statement = update(tenants).where(tenants.c.tenant_id == tenant_id)
    return bool(conn.execute(statement.values(**values, updated_at=now)).rowcount)


def rotate_webhook_secret(
    conn: Connection,
    tenant_id: str,
    secret: str,
    *,
    now: float,
    overlap_s: float,
    keyring: Keyring,
) -> list[dict[str, Any]] | None:
    """Those that it has now, newest first; None: no such tenant."""
    tenant = get_tenant(conn, tenant_id, keyring)
    if tenant is None:
        return None
    secrets = rotated(tenant.webhook_secrets, secret, now=now, overlap_s=overlap_s)
    change_tenant(conn, tenant_id, {"webhook_secrets": secrets}, now=now, keyring=keyring)
    return secrets


def get_tenant(conn: Connection, tenant_id: str, keyring: Keyring) -> Tenant | None:
    row = conn.execute(select(tenants).where(tenants.c.tenant_id == tenant_id)).first()
    return None if row is None else TENANT.value(row, keyring)


def list_tenants(conn: Connection, *, active_only: bool, keyring: Keyring) -> list[Tenant]:
    """By tenant_id."""
    statement = select(tenants).order_by(tenants.c.tenant_id)
    if active_only:
        statement = statement.where(tenants.c.active)
    return [TENANT.value(row, keyring) for row in conn.execute(statement)]


def close_tenant(conn: Connection, tenant_id: str) -> bool:
    """The first step of deleting: from now on nobody can post for it. False: no such tenant."""
    is_known = _is_known(conn, tenant_id)
    for table in (accounts, api_keys, suspensions):
        conn.execute(delete(table).where(table.c.tenant_id == tenant_id))
    return is_known


def empty_tenant(conn: Connection, tenant_id: str) -> bool:
    """The next step: some of its messages go; False when there are no more."""
    chunk = select(messages.c.pk).where(messages.c.tenant_id == tenant_id).limit(MESSAGE_CHUNK)
    return bool(remove_messages(conn, tenant_id, conn.execute(chunk).scalars().all()))


def drop_tenant(
    conn: Connection, tenant_id: str, *, now: float = 0.0, dropped_as: str | None = None
) -> bool:
    """The last steps: some of whatever else is kept by tenant goes, and at last the tenant.

    False when that is done. What came late in between is looked for again at the end. Stored files
    outlive it until their objects are removed, with the credentials in the setting `dropped_as`.
    """
    if drop_stored_files(conn, tenant_id, dropped_as=dropped_as, now=now):
        return True
    for table in metadata.sorted_tables:
        if table in (tenants, stored_files) or "tenant_id" not in table.c:
            continue
        if _drop_some(conn, table, tenant_id):
            return True
    conn.execute(delete(tenants).where(tenants.c.tenant_id == tenant_id))
    return False


def _drop_some(conn: Connection, table: Table, tenant_id: str) -> int:
    """Suppressions and lines of the log may be a million."""
    is_its = table.c.tenant_id == tenant_id
    key = [column for column in table.primary_key if column.name != "tenant_id"]
    if not key:
        return conn.execute(delete(table).where(is_its)).rowcount
    some = select(*key).where(is_its).limit(MESSAGE_CHUNK)
    return conn.execute(delete(table).where(is_its, tuple_(*key).in_(some))).rowcount


def for_tenant(conn: Connection, tenant_id: str, work: Callable[[Connection], R]) -> R | None:
    """What `work` returns; None, and nothing done, where the tenant is gone.

    What comes late would outlive it.
    """
    return work(conn) if _is_known(conn, tenant_id) else None


def _is_known(conn: Connection, tenant_id: str) -> bool:
    return bool(conn.execute(select(exists().where(tenants.c.tenant_id == tenant_id))).scalar())


# --- keys ---


def put_key(conn: Connection, key: ApiKey) -> bool:
    """In place of the one with the same id, if there is one. False: no such tenant."""
    if not _is_known(conn, key.tenant_id):
        return False
    delete_key(conn, key.tenant_id, key.key_id)
    conn.execute(insert(api_keys).values(asdict(key)))
    return True


def delete_key(conn: Connection, tenant_id: str, key_id: str) -> bool:
    return bool(conn.execute(delete(api_keys).where(*_is_key(tenant_id, key_id))).rowcount)


def note_key_uses(conn: Connection, uses: Mapping[tuple[str, str], float]) -> None:
    for key, at in uses.items():
        conn.execute(update(api_keys).where(*_is_key(*key)).values(last_used_at=at))


def _is_key(tenant_id: str, key_id: str) -> tuple[Any, ...]:
    return api_keys.c.tenant_id == tenant_id, api_keys.c.key_id == key_id


def list_keys(conn: Connection, tenant_id: str | None) -> list[ApiKey]:
    """Oldest first; None: of all tenants."""
    k = api_keys.c
    statement = select(api_keys).order_by(k.created_at, k.key_id)
    if tenant_id is not None:
        statement = statement.where(k.tenant_id == tenant_id)
    return [ApiKey(**row._mapping) for row in conn.execute(statement)]


def find_key(conn: Connection, token_sha256: str) -> ApiKey | None:
    row = conn.execute(select(api_keys).where(api_keys.c.token_sha256 == token_sha256)).first()
    return None if row is None else ApiKey(**row._mapping)


# --- accounts ---


def put_account(conn: Connection, account: Account, *, now: float, keyring: Keyring) -> bool:
    """One that is marked as default takes the mark from the tenant's others."""
    if account.is_default:
        others = [accounts.c.tenant_id == account.tenant_id, accounts.c.is_default]
        others.append(accounts.c.account_id != account.account_id)
        conn.execute(update(accounts).where(*others).values(is_default=False, updated_at=now))
    return _put(conn, accounts, ACCOUNT.all_columns(account, keyring), now)


def edit_account(
    conn: Connection, key: tuple[str, str], edit: Edit, *, now: float, keyring: Keyring
) -> Account | None:
    """Put what `edit` makes of the account as it lies there, None where it does not.

    None: no such tenant.
    """
    if not _is_known(conn, key[0]):
        return None
    account = edit(get_account(conn, *key, keyring))
    put_account(conn, account, now=now, keyring=keyring)
    return account


def change_account(
    conn: Connection, key: tuple[str, str], fields: Fields, *, now: float, keyring: Keyring
) -> bool:
    tenant_id, account_id = key
    values = ACCOUNT.columns(fields, tenant_id=tenant_id, row=account_id, keyring=keyring)
    statement = update(accounts).where(*_is_account(*key))
    return bool(conn.execute(statement.values(**values, updated_at=now)).rowcount)


def renew_refresh_token(
    conn: Connection, key: tuple[str, str], old: str, new: str, *, now: float, keyring: Keyring
) -> bool:
    """Only in place of `old`: a person may have given another one meanwhile."""
    account = get_account(conn, *key, keyring)
    if account is None or account.oauth2 is None or account.oauth2.get("refresh_token") != old:
        return False
    fields = {"oauth2": {**account.oauth2, "refresh_token": new}}
    return change_account(conn, key, fields, now=now, keyring=keyring)


def delete_account(conn: Connection, tenant_id: str, account_id: str) -> bool:
    """The account alone; its messages stay, and wait for one of that name."""
    return bool(conn.execute(delete(accounts).where(*_is_account(tenant_id, account_id))).rowcount)


def get_account(
    conn: Connection, tenant_id: str, account_id: str, keyring: Keyring
) -> Account | None:
    row = conn.execute(select(accounts).where(*_is_account(tenant_id, account_id))).first()
    return None if row is None else ACCOUNT.value(row, keyring)


def list_accounts(conn: Connection, tenant_id: str | None, keyring: Keyring) -> list[Account]:
    """By tenant_id and account_id."""
    statement = select(accounts).order_by(accounts.c.tenant_id, accounts.c.account_id)
    if tenant_id is not None:
        statement = statement.where(accounts.c.tenant_id == tenant_id)
    return [ACCOUNT.value(row, keyring) for row in conn.execute(statement)]


def _is_account(tenant_id: str, account_id: str) -> tuple[Any, ...]:
    return accounts.c.tenant_id == tenant_id, accounts.c.account_id == account_id


def _put(conn: Connection, table: Table, values: dict[str, Any], now: float) -> bool:
    """Insert or replace; True when the row is new, then it begins its life now."""
    is_row = [column == values[column.name] for column in table.primary_key]
    changes = {**values, "updated_at": now}
    del changes["created_at"]
    if conn.execute(update(table).where(*is_row).values(changes)).rowcount:
        return False
    conn.execute(insert(table).values(**changes, created_at=now))
    return True
