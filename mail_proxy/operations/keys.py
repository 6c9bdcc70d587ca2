"""Tokens of tenants: made and shown once, listed without their secret, revoked."""

from __future__ import annotations

import os

from mail_proxy.domain.errors import NotFound
from mail_proxy.operations.context import Context
from mail_proxy.secrets import new_token, token_sha256
from mail_proxy.store.values import ApiKey
from mail_proxy.wire.answers import OK, Ok, iso_time
from mail_proxy.wire.tenants import CreateKey, KeyMade, KeyRecord, Keys, TenantKey

PREFIX_CHARS = 8  # of the token: enough to tell keys apart, too few to guess the rest


async def create_tenant_key(ctx: Context, request: CreateKey) -> KeyMade:
    """Make a new token for a tenant; it replaces all that it had."""
    _check_tenant(ctx, request.tenant_id)
    return {"ok": True, "api_key": await make_key(ctx, request.tenant_id, request.expires_at)}


async def list_tenant_keys(ctx: Context, request: TenantKey) -> Keys:
    """The tokens of a tenant, without what is secret of them."""
    _check_tenant(ctx, request.tenant_id)
    keys = await ctx.store.list_keys(request.tenant_id)
    return {"ok": True, "keys": [_record(key) for key in keys]}


async def revoke_tenant_key(ctx: Context, request: TenantKey) -> Ok:
    """End all tokens of a tenant at once."""
    _check_tenant(ctx, request.tenant_id)
    await ctx.store.delete_keys(request.tenant_id)
    ctx.tokens.forget()
    return OK


async def make_key(ctx: Context, tenant_id: str, expires_at: float | None) -> str:
    """A new token of an existing tenant, in place of the old ones."""
    token = new_token()
    key = ApiKey(
        tenant_id=tenant_id,
        key_id=os.urandom(8).hex(),
        token_sha256=token_sha256(token),
        prefix=token[:PREFIX_CHARS],
        created_at=ctx.clock.now(),
        expires_at=expires_at,
    )
    await ctx.store.put_key(key, replace_all=True)
    ctx.tokens.forget()
    return token


def _check_tenant(ctx: Context, tenant_id: str) -> None:
    if not ctx.directory.has_tenant(tenant_id):
        raise NotFound(f"Tenant '{tenant_id}' not found")


def _record(key: ApiKey) -> KeyRecord:
    record: KeyRecord = {
        "key_id": key.key_id,
        "prefix": key.prefix,
        "created_at": iso_time(key.created_at),
    }
    if key.expires_at is not None:
        record["expires_at"] = int(key.expires_at)
    return record
