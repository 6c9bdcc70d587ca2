"""SMTP accounts: add or replace, change, look, delete, check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from mail_proxy.domain.errors import Conflict, NotFound
from mail_proxy.domain.limits import WINDOWS, limits_of_account, pause_kind
from mail_proxy.http_out import Blocked, check_host
from mail_proxy.observe.labels import labels
from mail_proxy.operations.account_changes import merged
from mail_proxy.operations.context import Context, no_tenant
from mail_proxy.operations.credentials import (
    Credentials,
    asked_place,
    check_token_url,
    place_of,
    shown_oauth2,
    unnamed_places,
)
from mail_proxy.smtp import Relay
from mail_proxy.store.values.numbers import AccountUse
from mail_proxy.store.values.tenants import Account, Tenant
from mail_proxy.wire.accounts import (
    AccountFields,
    AccountKey,
    AccountRecord,
    Accounts,
    AddAccount,
    Checked,
    LimitUse,
    ListAccounts,
    OneAccount,
    UpdateAccount,
)
from mail_proxy.wire.answers import OK, Ok, iso_time, not_before, whole_seconds, without_nulls

DEFAULT_TENANT = "default"
NOT_OWNED = "account not found or not owned by tenant"


async def add_account(ctx: Context, request: AddAccount) -> Ok:
    """Insert or replace an account; what is left out gets its default, a masked password stays.

    The admin may leave the tenant out: then it is `default`, made when it is missing.
    Raises Conflict for one that is there, where only a new one is wanted.
    """
    tenant_id = request.tenant_id or await _default_tenant(ctx)
    ctx.known_tenant(tenant_id)

    def edit(old: Account | None) -> Account:
        if request.only_new and old is not None:
            raise Conflict(f"account '{request.id}' already exists in '{tenant_id}'")
        return _vouched(ctx, request, _account(ctx, request, tenant_id, old))

    return await _edit(ctx, tenant_id, request.id, edit)


async def update_account(ctx: Context, request: UpdateAccount) -> Ok:
    """Change what is given; a pause of a fault or a limit ends, as when it is added again.

    Raises NotFound.
    """
    found = await find_account(ctx, request)

    def edit(old: Account | None) -> Account:
        if old is None:
            raise NotFound(NOT_OWNED)  # deleted meanwhile
        return _vouched(ctx, request, _account(ctx, merged(request, old), old.tenant_id, old))

    return await _edit(ctx, found.tenant_id, found.account_id, edit)


async def _edit(
    ctx: Context, tenant_id: str, account_id: str, edit: Callable[[Account | None], Account]
) -> Ok:
    if await ctx.store.edit_account(tenant_id, account_id, edit, now=ctx.clock.now()) is None:
        raise no_tenant(tenant_id)
    await ctx.directory.reload_accounts(ctx.store, tenant_id)
    ctx.metrics.declare(tenant_id, ctx.directory.name_of(tenant_id), account_id)
    await ctx.engine.refresh(tenant_id, account_id)
    return OK


async def list_accounts(ctx: Context, request: ListAccounts) -> Accounts:
    """The SMTP accounts of a tenant, or of all."""
    accounts = await ctx.store.list_accounts(request.tenant_id)
    uses = await ctx.numbers.uses(request.tenant_id)
    return {
        "ok": True,
        "accounts": [
            account_record(ctx, account, uses.get((account.tenant_id, account.account_id)))
            for account in accounts
        ],
    }


async def get_account(ctx: Context, request: AccountKey) -> OneAccount:
    """One SMTP account."""
    return {"ok": True, "account": await shown_account(ctx, await find_account(ctx, request))}


async def delete_account(ctx: Context, request: AccountKey) -> Ok:
    """Remove an account; its messages stay, and wait for an account of that id."""
    account = await find_account(ctx, request)
    await ctx.engine.recall(account.tenant_id, account_id=account.account_id)
    if not await ctx.store.delete_account(account.tenant_id, account.account_id):
        raise NotFound(NOT_OWNED)
    await ctx.directory.reload_accounts(ctx.store, account.tenant_id)
    name = ctx.directory.name_of(account.tenant_id)
    ctx.metrics.forget(labels(account.tenant_id, name, account.account_id))
    await ctx.engine.refresh(account.tenant_id, account.account_id)
    ctx.forget_logins(account.tenant_id, account.account_id)
    return OK


async def check_account(ctx: Context, request: AccountKey) -> Checked:
    """Connect, negotiate TLS and log in; no mail is sent."""
    account = await find_account(ctx, request)
    return {"ok": True, "report": asdict(await ctx.probe(Relay.of(account)))}


async def _default_tenant(ctx: Context) -> str:
    if not ctx.directory.has_tenant(DEFAULT_TENANT):
        tenant = Tenant(DEFAULT_TENANT)
        await ctx.store.put_tenant(tenant, now=ctx.clock.now())
        ctx.directory.put_tenant(tenant)
    return DEFAULT_TENANT


async def find_account(ctx: Context, key: AccountKey) -> Account:
    """The account that is meant; a foreign one is not found, exactly as an absent one."""
    tenants = (
        [key.tenant_id] if key.tenant_id else sorted(ctx.directory.tenants_with(key.account_id))
    )
    if len(tenants) > 1:
        raise Conflict(f"several tenants have an account '{key.account_id}': give tenant_id")
    account = await ctx.store.get_account(tenants[0], key.account_id) if tenants else None
    if account is None:
        raise NotFound(NOT_OWNED)
    return account


def _account(ctx: Context, request: AddAccount, tenant_id: str, old: Account | None) -> Account:
    is_same_place = old is not None and place_of(old) == asked_place(request)
    may_keep = not ctx.is_tenant or is_same_place
    return Account(
        tenant_id=tenant_id,
        account_id=request.id,
        host=request.host,
        port=request.port,
        user=request.user,
        tls_mode=request.tls(),
        use_tls=request.use_tls,
        ttl=request.ttl,
        batch_size=request.batch_size,
        limit_per_minute=request.limit_per_minute or None,
        limit_per_hour=request.limit_per_hour or None,
        limit_per_day=request.limit_per_day or None,
        limit_behavior=request.limit_behavior or "defer",
        is_default=request.is_default,
        is_pec_account=request.is_pec_account,
        imap_host=request.imap_host,
        imap_port=request.imap_port,
        imap_user=request.imap_user,
        imap_folder=request.imap_folder,
        imap_ssl=request.imap_ssl,
        # A certified mail that is sent twice counts twice before the law.
        in_doubt=request.in_doubt or ("hold" if request.is_pec_account else "resend"),
        max_connections=request.max_connections,
        max_retries=request.max_retries,
        retry_delays=None if request.retry_delays is None else tuple(request.retry_delays),
        max_age=request.max_age or None,
        stopped_at=old.stopped_at if old else None,  # a person's pause ends by a person only
        stopped_reason=old.stopped_reason if old else None,
        # What the admin has set stays trusted while a tenant changes only the rest.
        host_set_by_admin=old is not None and old.host_set_by_admin and may_keep,
        **Credentials(request, old, may_keep).fields(),
    )


def _vouched(ctx: Context, request: AccountFields, account: Account) -> Account:
    """The account, trusted once the admin has named all its servers in one request.

    Of a server that a tenant has named nothing is confirmed by another change. Raises Blocked.
    """
    unnamed = [] if ctx.is_tenant else unnamed_places(request, account)
    if not ctx.is_tenant and not unnamed:
        account = replace(account, host_set_by_admin=True)
    try:
        _check_hosts(ctx, account)
    except Blocked as error:
        if not unnamed:
            raise
        why = f"{error}; to trust it as the admin, give {' and '.join(unnamed)} too"
        raise Blocked(why, field=error.field, hint=error.hint) from error
    return account


def _check_hosts(ctx: Context, account: Account) -> None:
    """Refuse at once what is seen without a look-up; the rest is seen when we connect."""
    if account.host_set_by_admin:
        return
    check_host(account.host, ctx.allow, field="host")
    if account.imap_host:
        check_host(account.imap_host, ctx.allow, field="imap_host")
    check_token_url(account, ctx.allow)


async def shown_account(ctx: Context, account: Account) -> AccountRecord:
    """With what it uses of itself."""
    uses = await ctx.numbers.uses(account.tenant_id)
    return account_record(ctx, account, uses.get((account.tenant_id, account.account_id)))


def account_record(ctx: Context, account: Account, use: AccountUse | None) -> AccountRecord:
    """use: None: it has sent nothing of late."""
    use = use or AccountUse(0, {})
    paused_until, stopped = account.paused_until, account.stopped_at is not None
    record: dict[str, Any] = {
        "id": account.account_id,
        "tenant_id": account.tenant_id,
        "host": account.host,
        "port": account.port,
        "user": account.user,
        "has_password": account.password is not None,
        "auth_method": account.auth_method,
        "oauth2": shown_oauth2(account),
        "needs_password": True if account.secret_unreadable else None,
        "use_tls": account.use_tls,
        "tls_mode": account.tls_mode,
        "ttl": account.ttl,
        "batch_size": account.batch_size,
        "limit_per_minute": account.limit_per_minute,
        "limit_per_hour": account.limit_per_hour,
        "limit_per_day": account.limit_per_day,
        "limit_behavior": account.limit_behavior,
        "is_default": account.is_default,
        "is_pec_account": account.is_pec_account,
        "imap_host": account.imap_host,
        "imap_port": account.imap_port,
        "imap_user": account.imap_user,
        "imap_folder": account.imap_folder,
        "imap_ssl": account.imap_ssl,
        "has_imap_password": account.imap_password is not None,
        "in_doubt": account.in_doubt,
        "max_connections": account.max_connections,
        "max_retries": account.max_retries,
        "retry_delays": None if account.retry_delays is None else list(account.retry_delays),
        "max_age": account.max_age,
        "paused_until_ts": not_before(paused_until) if paused_until and not stopped else None,
        **paused_by(account),
        "failures": account.failures,
        "breaker": _breaker(account, ctx.clock.now()),
        "capabilities": account.capabilities,
        "limits": _limits(account, use) or None,
        "in_flight": use.claimed,
        **_today(ctx, account),
        "created_at": iso_time(account.created_at),
        "updated_at": iso_time(account.updated_at),
    }
    return without_nulls(record)  # type: ignore[return-value]  # a dict of exactly these keys


def _limits(account: Account, use: AccountUse) -> list[LimitUse]:
    limits = limits_of_account(
        account.limit_per_minute, account.limit_per_hour, account.limit_per_day
    )
    # As the claim counts them: what is under way has its place in each window.
    return [
        {
            "window": WINDOWS[limit.window_s],
            "used": use.sent.get(limit.window_s, 0) + use.claimed,
            "limit": limit.most,
        }
        for limit in limits
    ]


def _today(ctx: Context, account: Account) -> dict[str, Any]:
    """What this process has seen of it; without the loops it sees nothing."""
    if not ctx.engine.snapshot()["running"]:
        return {}
    today = ctx.metrics.tallies.today(account.tenant_id, account.account_id)
    told: dict[str, Any] = {"sent_today": today.sent, "failed_today": today.failed}
    if today.last_error:
        told |= {"last_error": today.last_error, "last_error_ts": int(today.last_error_at)}
    return told


def paused_by(account: Account) -> dict[str, Any]:
    """What keeps it from sending, and why: first of all a person, whoever else does."""
    if account.stopped_at is not None:
        return {
            "paused_by": "person",
            "paused_reason": account.stopped_reason,
            "paused_ts": whole_seconds(account.stopped_at),
        }
    if account.paused_until is None:
        return {}
    kind = pause_kind(account.paused_reason)
    return {"paused_by": kind, "paused_reason": account.paused_reason}


def _breaker(account: Account, now: float) -> str:
    """A limit pauses an account too, and opens no breaker."""
    if not account.failures:
        return "closed"
    return "open" if (account.paused_until or 0.0) > now else "probing"
