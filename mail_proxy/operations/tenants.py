"""Tenants and their keys."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from mail_proxy.config.instances import RESERVED
from mail_proxy.domain.errors import ConfigurationError, Conflict, Forbidden, Invalid
from mail_proxy.domain.large_files import read_place
from mail_proxy.domain.limits import limits_of_tenant, pause_kind
from mail_proxy.http_out import check_callback
from mail_proxy.observe import events
from mail_proxy.operations.context import Context
from mail_proxy.operations.keys import make_key
from mail_proxy.operations.webhook_secrets import secret_records
from mail_proxy.private_files import remove_folder
from mail_proxy.secrets import MASK, mask
from mail_proxy.storage import check_installed
from mail_proxy.store.values.tenants import Tenant
from mail_proxy.wire.answers import OK, Ok, iso_time, without_nulls
from mail_proxy.wire.tenants import (
    AddTenant,
    ClientAuth,
    ListTenants,
    TenantAdded,
    TenantKey,
    TenantOf,
    TenantRecord,
    Tenants,
    UpdateTenant,
)

_URLS = ("client_base_url", "client_sync_path", "client_attachment_path")
_LIMITS = ("rate_limits", "max_queued", "max_requests_per_minute")
_ADMINS = (
    "active",
    "large_file_config",
    "attachment_folders",
    *_LIMITS,
)  # a tenant's token may not set these
_SECRETS = ("token", "password")
_STORAGE_SECRETS = ("secret", "account_key", "connection_string", "service_account")
_RECEIVER = ("client_base_url", "client_sync_path", "client_auth", "url_set_by_admin")


async def add_tenant(ctx: Context, request: AddTenant) -> TenantAdded:
    """Insert or replace a tenant. A new one's key is told here only.

    Raises Conflict for one that is there, where only a new one is wanted.
    """
    old = await ctx.store.get_tenant(request.id)
    if old is None and request.id in RESERVED:
        raise Invalid(
            f"id: '{request.id}' is a command of the CLI and cannot be a tenant", field="id"
        )
    apart = {"id", "active", "api_key_expires_at", "client_auth", "only_new"}
    given = request.model_dump(exclude=apart)
    tenant = Tenant(
        tenant_id=request.id,
        client_auth=_auth(request.client_auth, old),
        active=request.active is not False,
        **_split(given, old),
    )
    only_new = request.only_new
    if not await ctx.store.put_tenant(tenant, now=ctx.clock.now(), only_new=only_new) and only_new:
        raise Conflict(f"tenant '{request.id}' already exists")
    await _changed(ctx, tenant, old)
    if old is not None:
        return {"ok": True}
    return {"ok": True, "api_key": await make_key(ctx, request.id, request.api_key_expires_at)}


async def update_tenant(ctx: Context, request: UpdateTenant) -> Ok:
    """Change what is given. A tenant's token may change its name, URLs and credentials only."""
    old = await ctx.tenant(request.tenant_id)
    given = request.model_dump(exclude={"tenant_id", "client_auth"}, exclude_none=True)
    if ctx.is_tenant:
        _check_allowed(request, given, old)
        _check_url(ctx, given, old)
    given = _split(given, old)
    if request.client_auth is not None:
        given["client_auth"] = _auth(request.client_auth, old)
    if any(name in given and given[name] != getattr(old, name) for name in _URLS):
        given["url_set_by_admin"] = not ctx.is_tenant
    elif "client_base_url" in given and not ctx.is_tenant:
        given["url_set_by_admin"] = True  # the admin confirms what the tenant had set
    if given:
        await ctx.store.change_tenant(old.tenant_id, given, now=ctx.clock.now())
        await _changed(ctx, replace(old, **given), old)
    return OK


async def list_tenants(ctx: Context, request: ListTenants) -> Tenants:
    """All tenants."""
    tenants = await ctx.store.list_tenants(active_only=request.active_only)
    return {"ok": True, "tenants": [await _record(ctx, tenant) for tenant in tenants]}


async def get_tenant(ctx: Context, request: TenantOf) -> TenantRecord:
    """One tenant."""
    return await _record(ctx, await ctx.tenant(request.tenant_id))


async def delete_tenant(ctx: Context, request: TenantKey) -> Ok:
    """Remove a tenant with its accounts, messages, events and keys, and the folder of its files."""
    tenant = await ctx.tenant(request.tenant_id)
    # Inactive first: nothing of it is claimed, and its tokens are refused, while the rows go.
    await ctx.store.change_tenant(tenant.tenant_id, {"active": False}, now=ctx.clock.now())
    ctx.directory.put_tenant(replace(tenant, active=False))
    await ctx.engine.recall(tenant.tenant_id)
    accounts = await ctx.store.list_accounts(tenant.tenant_id)
    await _remove_files(ctx, tenant.tenant_id)
    await ctx.store.delete_tenant(tenant.tenant_id)
    ctx.directory.remove_tenant(tenant.tenant_id)
    ctx.tokens.forget()
    for account in accounts:
        await ctx.engine.refresh(tenant.tenant_id, account.account_id)
    ctx.forget_logins(tenant.tenant_id, None)
    ctx.metrics.forget_tenant(tenant.tenant_id)
    await ctx.attachments.cache.clear(tenant.tenant_id)
    return OK


async def _remove_files(ctx: Context, tenant_id: str) -> None:
    """Before its row: a deletion that is cut off is done again, and finds what is left."""
    folder = ctx.settings.attachments_of(tenant_id)
    try:
        await asyncio.to_thread(remove_folder, folder)
    except OSError as error:
        events.folder_not_removed(folder=str(folder), error=error)


async def _changed(ctx: Context, tenant: Tenant, old: Tenant | None) -> None:
    # Read again: another change may have come between, and `tenant` does not know of it.
    await ctx.directory.reload_tenant(ctx.store, tenant.tenant_id)
    if old is None:
        if tenant.client_base_url:
            ctx.reporter.wake(tenant.tenant_id)  # its first heartbeat
        return
    if old.active and not tenant.active:
        await ctx.engine.recall(tenant.tenant_id)
    elif tenant.active and not old.active:
        ctx.engine.wake_all()
    if limits_of_tenant(old.rate_limits) != limits_of_tenant(tenant.rate_limits):
        await _lift_pauses(ctx, tenant.tenant_id)
        await ctx.engine.limits_changed(tenant.tenant_id)
    if any(getattr(old, name) != getattr(tenant, name) for name in _RECEIVER):
        await ctx.reporter.resume(tenant.tenant_id)  # what failed may be mended now


async def _lift_pauses(ctx: Context, tenant_id: str) -> None:
    """What a daemon wrote of the old limits is true no more; also where none runs."""
    lifted = {"paused_until": None, "paused_reason": None}
    for account in await ctx.store.list_accounts(tenant_id):
        if account.paused_until is not None and pause_kind(account.paused_reason) == "limit":
            key = (tenant_id, account.account_id)
            await ctx.store.change_account(*key, lifted, now=ctx.clock.now())


def _check_allowed(request: UpdateTenant, given: dict[str, Any], old: Tenant) -> None:
    for field in _ADMINS:
        if field in given:
            raise Forbidden(f"{field} can be changed with the admin token only")
    new_url = given.get("client_base_url", old.client_base_url)
    has_secret = any((old.client_auth or {}).get(name) for name in _SECRETS)
    keeps_secret = request.client_auth is None or _has_mask(request.client_auth)
    if new_url != old.client_base_url and has_secret and keeps_secret:
        # Sent to another address the stored secret would be told to whoever listens there.
        raise Invalid("client_auth must be given again with another URL", field="client_auth")


def _check_url(ctx: Context, given: dict[str, Any], old: Tenant) -> None:
    """Refuse at once what is seen without a look-up; the rest is seen when it is called.

    With another path the admin's URL is the tenant's too, and guarded as such.
    """
    url = given.get("client_base_url", old.client_base_url)
    if url and any(name in given and given[name] != getattr(old, name) for name in _URLS):
        check_callback(url, allow=ctx.allow, field="client_base_url")


def _has_mask(auth: ClientAuth) -> bool:
    return any(getattr(auth, name) == MASK for name in _SECRETS)


def _auth(given: ClientAuth | None, old: Tenant | None) -> dict[str, Any] | None:
    """Credentials as given; the stored secret where its mask came back."""
    if given is None:
        return None
    stored = (old.client_auth if old else None) or {}
    auth = given.model_dump(exclude_none=True)
    for name in _SECRETS:
        if auth.get(name) == MASK:
            auth[name] = stored.get(name)
    return without_nulls(auth)


def _split(given: dict[str, Any], old: Tenant | None) -> dict[str, Any]:
    """The fields with the credentials of the storage apart, which are sealed; a stored one where
    its mask came back. Raises Invalid where nothing could be stored there."""
    config = given.get("large_file_config")
    if config is None:
        return given
    stored = (old.storage_auth if old else None) or {}
    auth = without_nulls(config.get("storage_auth") or {})
    for name in _STORAGE_SECRETS:
        if auth.get(name) == MASK:
            auth[name] = stored.get(name)
    if config["enabled"] and config["action"] == "rewrite":
        _check_storage(config["storage_url"])
    rest = {name: value for name, value in config.items() if name != "storage_auth"}
    return {**given, "large_file_config": rest, "storage_auth": without_nulls(auth) or None}


def _check_storage(storage_url: str) -> None:
    try:
        check_installed(read_place(storage_url))
    except ConfigurationError as error:
        field = "large_file_config.storage_url"
        raise Invalid(f"{field}: {error}", field=field, hint=error.hint) from None


def _shown_config(tenant: Tenant) -> dict[str, Any] | None:
    config = mask(tenant.large_file_config)
    if config is None or tenant.storage_auth is None:
        return config  # type: ignore[no-any-return]  # of a dict it makes a dict
    auth = tenant.storage_auth
    shown = {name: MASK if name in _STORAGE_SECRETS else auth[name] for name in auth}
    return {**config, "storage_auth": shown}


async def _record(ctx: Context, tenant: Tenant) -> TenantRecord:
    suspended = await ctx.store.suspended_batches(tenant.tenant_id)
    record: dict[str, Any] = {
        "id": tenant.tenant_id,
        "name": tenant.name,
        "client_base_url": tenant.client_base_url,
        "client_sync_path": tenant.client_sync_path,
        "client_attachment_path": tenant.client_attachment_path,
        "client_auth": None if tenant.client_auth is None else _masked(tenant.client_auth),
        "needs_client_auth": True if tenant.secret_unreadable else None,
        "webhook_secrets": secret_records(tenant, ctx.clock.now()),
        "rate_limits": _given(tenant.rate_limits),
        "large_file_config": _given(_shown_config(tenant)),
        "report_style": tenant.report_style,
        "active": tenant.active,
        "max_queued": tenant.max_queued,
        "max_requests_per_minute": tenant.max_requests_per_minute,
        "attachment_folders": tenant.attachment_folders or None,
        "suspended_batches": ",".join(suspended) or None,
        "created_at": iso_time(tenant.created_at),
        "updated_at": iso_time(tenant.updated_at),
    }
    return without_nulls(record)  # type: ignore[return-value]  # a dict of exactly these keys


def _masked(auth: dict[str, Any]) -> dict[str, Any]:
    return {name: MASK if name in _SECRETS and value else value for name, value in auth.items()}


def _given(record: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if record is None else without_nulls(record)
