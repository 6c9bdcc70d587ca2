"""Tokens of tenants: made and shown once, listed without their secret, revoked.

A tenant may have several, so that one replaces the other without a gap. The first one is what
`api-key` makes, replaces and revokes.
"""

from __future__ import annotations

import os

from mail_proxy.domain.errors import Conflict, Invalid, NotFound
from mail_proxy.operations.context import Context, no_tenant
from mail_proxy.secrets import new_token, token_sha256
from mail_proxy.store.values.tenants import ApiKey
from mail_proxy.wire.answers import OK, Ok, iso_time
from mail_proxy.wire.tenants import (
    AddKey,
    CreateKey,
    KeyAdded,
    KeyMade,
    KeyRecord,
    Keys,
    OneKey,
    TenantKey,
)

PREFIX_CHARS = 8  # of the token: enough to tell keys apart, too few to guess the rest
FIRST = "first"  # the id of the first key
MOST_KEYS = 100  # of a tenant


async def add_tenant_key(ctx: Context, request: AddKey) -> KeyAdded:
    """One more token; the others stay good."""
    ctx.known_tenant(request.tenant_id)
    if request.expires_at is not None and request.expires_at <= ctx.clock.now():
        raise Invalid("expires_at: it has passed", field="expires_at")
    if len(await ctx.store.list_keys(request.tenant_id)) >= MOST_KEYS:
        raise Conflict(f"a tenant has at most {MOST_KEYS} keys; delete one of them")
    key_id = os.urandom(8).hex()
    token, key = await _made(ctx, request.tenant_id, key_id, request.expires_at, request.name)
    return {"ok": True, "api_key": token, "key": _record(key)}


async def create_tenant_key(ctx: Context, request: CreateKey) -> KeyMade:
    """The first token anew; the old first one ends at once, others stay good."""
    ctx.known_tenant(request.tenant_id)
    return {"ok": True, "api_key": await make_key(ctx, request.tenant_id, request.expires_at)}


async def list_tenant_keys(ctx: Context, request: TenantKey) -> Keys:
    """The first one first, then by age."""
    ctx.known_tenant(request.tenant_id)
    await ctx.tokens.write_uses()
    keys = await ctx.store.list_keys(request.tenant_id)
    keys.sort(key=lambda key: key.key_id != FIRST)
    return {"ok": True, "keys": [_record(key) for key in keys]}


async def delete_tenant_key(ctx: Context, request: OneKey) -> Ok:
    """This token ends at once."""
    ctx.known_tenant(request.tenant_id)
    if not await ctx.store.delete_key(request.tenant_id, request.key_id):
        raise NotFound(f"Key '{request.key_id}' not found")
    ctx.tokens.forget()
    return OK


async def revoke_tenant_key(ctx: Context, request: TenantKey) -> Ok:
    """The first token ends at once; others stay good."""
    ctx.known_tenant(request.tenant_id)
    await ctx.store.delete_key(request.tenant_id, FIRST)
    ctx.tokens.forget()
    return OK


async def make_key(ctx: Context, tenant_id: str, expires_at: float | None) -> str:
    """The first token of an existing tenant, in place of the old first one."""
    token, _ = await _made(ctx, tenant_id, FIRST, expires_at, None)
    return token


async def _made(
    ctx: Context, tenant_id: str, key_id: str, expires_at: float | None, name: str | None
) -> tuple[str, ApiKey]:
    token = new_token()
    key = ApiKey(
        tenant_id=tenant_id,
        key_id=key_id,
        token_sha256=token_sha256(token),
        prefix=token[:PREFIX_CHARS],
        created_at=ctx.clock.now(),
        expires_at=expires_at,
        name=name,
    )
    if not await ctx.store.put_key(key):
        raise no_tenant(tenant_id)
    ctx.tokens.forget(made=key)
    return token, key


def _record(key: ApiKey) -> KeyRecord:
    record: KeyRecord = {
        "key_id": key.key_id,
        "prefix": key.prefix,
        "created_at": iso_time(key.created_at),
    }
    if key.name is not None:
        record["name"] = key.name
    if key.expires_at is not None:
        record["expires_at"] = int(key.expires_at)
    if key.last_used_at is not None:
        record["last_used_ts"] = int(key.last_used_at)
    return record
