"""Run now, suspend, activate: a batch, a tenant, or everything."""

from __future__ import annotations

from mail_proxy.domain.errors import Invalid, NotFound
from mail_proxy.domain.message import WHOLE_TENANT
from mail_proxy.observe import events
from mail_proxy.operations.context import Context
from mail_proxy.wire.scheduler import Activate, RunNow, Suspend, Suspension, Triggered

SCHEDULER_ACTIVE = "scheduler_active"  # the stored setting
NO_TENANT = "tenant not found"
NOT_FREED = "tenant not found or cannot activate single batch from full suspension"


async def run_now(ctx: Context, request: RunNow) -> Triggered:
    """Wake the loops; it sends nothing that is not due."""
    ctx.engine.run_now(request.tenant_id)
    ctx.reporter.run_now(request.tenant_id)
    return {"ok": True, "triggered": True}


async def suspend(ctx: Context, request: Suspend) -> Suspension:
    """Suspend a batch, a tenant or everything; nothing of it is begun after the answer."""
    batch_code = _batch(request)
    tenant_id = _tenant(ctx, request, batch_code)
    if tenant_id is None:
        await _switch(ctx, active=False)
        await ctx.engine.recall(None)
        return await _everything(ctx, active=False)
    if not ctx.directory.has_tenant(tenant_id):
        raise NotFound(NO_TENANT)
    await ctx.store.suspend(tenant_id, batch_code, now=ctx.clock.now())
    await ctx.engine.recall(tenant_id, batch_code=batch_code)
    ctx.news.put("suspended", tenant_id, words=_words(ctx, batch_code))
    return await _suspension(ctx, tenant_id, batch_code)


async def activate(ctx: Context, request: Activate) -> Suspension:
    """End the suspension of a batch, or all that a tenant has, or that of everything."""
    batch_code = _batch(request)
    tenant_id = _tenant(ctx, request, batch_code)
    if tenant_id is None:
        await _switch(ctx, active=True)
        return await _everything(ctx, active=True)
    if not ctx.directory.has_tenant(tenant_id):
        raise NotFound(NOT_FREED)
    if not await ctx.store.activate(tenant_id, batch_code, now=ctx.clock.now()):
        raise Invalid(NOT_FREED, field="batch_code")
    ctx.engine.wake_all()
    ctx.news.put("activated", tenant_id, words=_words(ctx, batch_code))
    return await _suspension(ctx, tenant_id, batch_code)


def _batch(request: Suspend) -> str | None:
    return None if request.batch_code in (None, "", WHOLE_TENANT) else request.batch_code


def _tenant(ctx: Context, request: Suspend, batch_code: str | None) -> str | None:
    """None: the whole scheduler; a batch alone means one of the only tenant."""
    if request.tenant_id or batch_code is None:
        return request.tenant_id or None
    return ctx.tenant_id(None)


async def _switch(ctx: Context, *, active: bool) -> None:
    """Stored first, so that a restart does not undo what was answered."""
    await ctx.store.set_setting(SCHEDULER_ACTIVE, active)
    ctx.engine.set_active(active)
    events.scheduler_changed(is_active=active, by=ctx.caller.name)
    ctx.news.put("activated" if active else "suspended", "", words=f"everything {_by(ctx)}")


def _words(ctx: Context, batch_code: str | None) -> str:
    return _by(ctx) if batch_code is None else f"batch {batch_code} {_by(ctx)}"


def _by(ctx: Context) -> str:
    return f"by {ctx.caller.name}"


async def _suspension(ctx: Context, tenant_id: str, batch_code: str | None) -> Suspension:
    answer: Suspension = {
        "ok": True,
        "tenant_id": tenant_id,
        "suspended_batches": await ctx.store.suspended_batches(tenant_id),
        "pending_messages": await ctx.store.count_pending(tenant_id, batch_code),
    }
    if batch_code is not None:
        answer["batch_code"] = batch_code
    return answer


async def _everything(ctx: Context, *, active: bool) -> Suspension:
    return {
        "ok": True,
        "suspended_batches": [] if active else [WHOLE_TENANT],
        "pending_messages": await ctx.store.count_pending(None),
        "scheduler_active": active,
    }
