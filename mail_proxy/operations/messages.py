"""Messages: look at one, clean up those that are finished."""

from __future__ import annotations

from mail_proxy.domain.errors import Conflict, NotFound
from mail_proxy.operations.causes import Causes
from mail_proxy.operations.context import Context
from mail_proxy.operations.once import KEPT_S
from mail_proxy.operations.records import Records, event_record
from mail_proxy.store.values.messages import MessageRow
from mail_proxy.wire.answers import not_before
from mail_proxy.wire.messages import (
    CleanedUp,
    CleanupMessages,
    Explained,
    MessageEvents,
    MessageKey,
    OneMessage,
)

CLEANUP_BATCH = 1000  # rows in one transaction, so that posts need not wait


async def get_message(ctx: Context, request: MessageKey) -> OneMessage:
    """One message."""
    row = await _find(ctx, request, full=True)
    return {"ok": True, "message": await Records(ctx, with_history=True).record(row)}


async def get_message_events(ctx: Context, request: MessageKey) -> MessageEvents:
    """What happened to a message, oldest first."""
    row = await _find(ctx, request)
    told = await ctx.store.message_events(row.tenant_id, row.pk)
    return {"ok": True, "events": [event_record(event) for event in told]}


async def explain_message(ctx: Context, request: MessageKey) -> Explained:
    """Why a message is where it is, and what would change that."""
    row = await _find(ctx, request)
    record = await Records(ctx, with_history=False).record(row)
    found = await Causes(ctx).why_one(row)
    answer: Explained = {
        "ok": True,
        "id": row.id,
        "tenant_id": row.tenant_id,
        "status": record["status"],
        "code": found.cause.value,
        "why": found.text,
        "do": found.do,
    }
    if found.until is not None:
        answer["until_ts"] = not_before(found.until)
    return answer


async def cleanup_messages(ctx: Context, request: CleanupMessages) -> CleanedUp:
    """Remove finished messages whose events are all reported."""
    tenant_id = ctx.tenant_id(request.tenant_id)
    age = request.older_than_seconds
    age = ctx.settings.reports.retention_s if age is None else age
    return {"ok": True, "removed": await cleanup(ctx, tenant_id, age_s=age)}


async def cleanup(ctx: Context, tenant_id: str | None, *, age_s: float) -> int:
    """The same for one tenant or for all; how many were removed."""
    return await ctx.store.cleanup_messages(tenant_id, before=ctx.clock.now() - age_s)


async def forget_answers(ctx: Context) -> int:
    """Remove those to posts with an Idempotency-Key that are too old to be given again."""
    before = ctx.clock.now() - KEPT_S
    removed = 0
    while True:
        n = await ctx.store.forget_answers(before=before, limit=CLEANUP_BATCH)
        removed += n
        if n < CLEANUP_BATCH:
            return removed


async def _find(ctx: Context, key: MessageKey, *, full: bool = False) -> MessageRow:
    """The one message that is meant; a foreign one is not found, exactly as an absent one."""
    if key.pk is not None:
        row = await ctx.store.get_by_pk(key.pk, full=full)
        found = [row] if row is not None and row.id == key.id else []
        found = [r for r in found if key.tenant_id in (None, r.tenant_id)]
    else:
        found = await ctx.store.find_messages(key.tenant_id, [key.id], full=full)
    if not found:
        raise NotFound(f"message '{key.id}' not found")
    if len(found) > 1:
        raise Conflict(f"several tenants have a message '{key.id}': give tenant_id or pk")
    return found[0]
