"""The secrets that sign a tenant's reports: made and shown once, replaced with an overlap."""

from __future__ import annotations

from mail_proxy.domain.errors import NotFound
from mail_proxy.domain.webhook import rotated
from mail_proxy.operations.context import Context
from mail_proxy.secrets import MASK, new_webhook_secret
from mail_proxy.store.values import Tenant
from mail_proxy.wire.answers import OK, Ok, iso_time, not_before
from mail_proxy.wire.tenants import (
    CreateWebhookSecret,
    TenantOf,
    WebhookSecretMade,
    WebhookSecretRecord,
)


async def create_webhook_secret(ctx: Context, request: CreateWebhookSecret) -> WebhookSecretMade:
    """A new secret, told here only; the one before it signs too until the overlap is over."""
    tenant = await _find(ctx, request.tenant_id)
    secret, now = new_webhook_secret(), ctx.clock.now()
    secrets = rotated(tenant.webhook_secrets, secret, now=now, overlap_s=request.overlap_s)
    await _store(ctx, tenant, secrets)
    answer: WebhookSecretMade = {"ok": True, "secret": secret}
    if len(secrets) > 1:
        answer["old_secret_expires_ts"] = not_before(secrets[1]["expires_at"])
    return answer


async def delete_webhook_secret(ctx: Context, request: TenantOf) -> Ok:
    """All of them: reports are not signed any more."""
    tenant = await _find(ctx, request.tenant_id)
    await _store(ctx, tenant, None)
    return OK


def secret_records(tenant: Tenant, now: float) -> list[WebhookSecretRecord] | None:
    """Those that sign now, newest first, masked; None where there is none."""
    records: list[WebhookSecretRecord] = []
    for each in tenant.webhook_secrets or ():
        record: WebhookSecretRecord = {"secret": MASK, "created_at": iso_time(each["created_at"])}
        if each["expires_at"] is not None:
            if each["expires_at"] <= now:
                continue
            record["expires_ts"] = not_before(each["expires_at"])
        records.append(record)
    return records or None


async def _find(ctx: Context, tenant_id: str | None) -> Tenant:
    tenant = await ctx.store.get_tenant(tenant_id) if tenant_id else None
    if tenant is None:
        raise NotFound(f"Tenant '{tenant_id}' not found")
    return tenant


async def _store(ctx: Context, tenant: Tenant, secrets: list[dict[str, object]] | None) -> None:
    change = {"webhook_secrets": secrets}
    await ctx.store.change_tenant(tenant.tenant_id, change, now=ctx.clock.now())
    await ctx.reporter.resume(tenant.tenant_id)  # what was refused unsigned may be taken now
