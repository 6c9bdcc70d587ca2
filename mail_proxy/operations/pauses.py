"""A person pauses an account, for as long as it takes, and lets it go on."""

from __future__ import annotations

from mail_proxy.observe import events
from mail_proxy.operations.accounts import find_account, shown_account
from mail_proxy.operations.context import Context
from mail_proxy.store.values.tenants import Account
from mail_proxy.wire.accounts import AccountKey, OneAccount, PauseAccount


async def pause_account(ctx: Context, request: PauseAccount) -> OneAccount:
    """Nothing of it is begun after the answer, over restarts too; its messages lose no try."""
    account = await find_account(ctx, request)
    now = ctx.clock.now()
    change = {"stopped_at": account.stopped_at or now, "stopped_reason": request.reason or None}
    await ctx.store.change_account(account.tenant_id, account.account_id, change, now=now)
    await ctx.engine.refresh(account.tenant_id, account.account_id)
    events.account_stopped(
        account.tenant_id, account.account_id, why=request.reason or "", by=ctx.caller.name
    )
    words = f"by {ctx.caller.name}" + (f": {request.reason}" if request.reason else "")
    ctx.news.put("paused", account.tenant_id, account.account_id, words=words)
    return await _shown(ctx, account)


async def resume_account(ctx: Context, request: AccountKey) -> OneAccount:
    """End the pause of a person and that of a fault; a limit that is reached stays so."""
    account = await find_account(ctx, request)
    change = {
        "stopped_at": None,
        "stopped_reason": None,
        "paused_until": None,
        "paused_reason": None,
        "failures": 0,
    }
    now = ctx.clock.now()
    await ctx.store.change_account(account.tenant_id, account.account_id, change, now=now)
    await ctx.engine.refresh(account.tenant_id, account.account_id)
    events.account_resumed(account.tenant_id, account.account_id)
    by = f"by {ctx.caller.name}"
    ctx.news.put("resumed", account.tenant_id, account.account_id, words=by)
    return await _shown(ctx, account)


async def _shown(ctx: Context, account: Account) -> OneAccount:
    """As it is now."""
    key = AccountKey(tenant_id=account.tenant_id, account_id=account.account_id)
    return {"ok": True, "account": await shown_account(ctx, await find_account(ctx, key))}
