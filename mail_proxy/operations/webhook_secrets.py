"""The secrets that sign a tenant's reports: made and shown once, replaced with an overlap."""

from __future__ import annotations

from mail_proxy.operations.context import Context, no_tenant
from mail_proxy.secrets import MASK, new_webhook_secret
from mail_proxy.store.values.tenants import Tenant
from mail_proxy.wire.answers import OK, Ok, iso_time, not_before
from mail_proxy.wire.tenants import (
    CreateWebhookSecret,
    TenantOf,
    WebhookSecretMade,
    WebhookSecretRecord,
)


async def create_webhook_secret(ctx: Context, request: CreateWebhookSecret) -> WebhookSecretMade:
    """A new secret, told here only; the one before it signs too until the overlap is over."""
    tenant_id, secret = request.tenant_id or "", new_webhook_secret()
    secrets = await ctx.store.rotate_webhook_secret(
        tenant_id, secret, now=ctx.clock.now(), overlap_s=request.overlap_s
    )
    if secrets is None:
        raise no_tenant(tenant_id)
    await ctx.reporter.resume(tenant_id)  # what was refused unsigned may be taken now
    answer: WebhookSecretMade = {"ok": True, "secret": secret}
    if len(secrets) > 1:
        answer["old_secret_expires_ts"] = not_before(secrets[1]["expires_at"])
    return answer


async def delete_webhook_secret(ctx: Context, request: TenantOf) -> Ok:
    """All of them: reports are not signed any more."""
    tenant_id, none = request.tenant_id or "", {"webhook_secrets": None}
    if not await ctx.store.change_tenant(tenant_id, none, now=ctx.clock.now()):
        raise no_tenant(tenant_id)
    await ctx.reporter.resume(tenant_id)
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
