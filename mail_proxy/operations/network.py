"""Whether the servers that an instance speaks to can be reached: mail servers and callbacks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

from mail_proxy.operations.context import Context
from mail_proxy.smtp import Relay, RelayReport
from mail_proxy.store.values.tenants import Account, Tenant
from mail_proxy.wire.network import (
    CheckedAccount,
    CheckedCallback,
    CheckNetwork,
    NetworkChecked,
)

EACH_S = 10.0  # a server that has not answered by then is as good as gone for its mail
ALL_S = 40.0  # under the minute that a command waits for its answer
AT_ONCE = 16


async def check_network(ctx: Context, request: CheckNetwork) -> NetworkChecked:
    """Connect to each mail server and callback, several at once; no mail and no report is sent."""
    accounts: list[CheckedAccount] = []
    callbacks: list[CheckedCallback] = []

    async def one_account(account: Account) -> None:
        accounts.append(await _check_account(ctx, account, login=request.login))

    async def one_callback(tenant: Tenant) -> None:
        found = await ctx.reporter.reach(tenant, timeout_s=EACH_S)
        if found is not None:
            callbacks.append(_callback(tenant, *found))

    works = [partial(one_account, a) for a in await ctx.store.list_accounts(None)]
    works += [partial(one_callback, t) for t in await ctx.store.list_tenants()]
    unchecked = await _all(works)
    return {
        "ok": True,
        "accounts": sorted(accounts, key=lambda each: (each["tenant_id"], each["account_id"])),
        "callbacks": sorted(callbacks, key=lambda each: each["tenant_id"]),
        "unchecked": unchecked,
    }


async def _all(works: Sequence[Callable[[], Awaitable[None]]]) -> int:
    """Do them within the time; how many were left."""
    left = iter(works)
    done = 0

    async def worker() -> None:
        nonlocal done
        for work in left:
            await work()
            done += 1

    try:
        async with asyncio.timeout(ALL_S), asyncio.TaskGroup() as tasks:
            for _ in range(min(AT_ONCE, len(works))):
                tasks.create_task(worker(), name="network check")
    except TimeoutError:
        pass  # what is done is told
    return len(works) - done


async def _check_account(ctx: Context, account: Account, *, login: bool) -> CheckedAccount:
    relay = Relay.of(account)
    if not login:
        relay = replace(relay, user=None, password=None, grant=None)
    checked: CheckedAccount = {
        "tenant_id": account.tenant_id,
        "account_id": account.account_id,
        "host": account.host,
        "port": account.port,
        "ok": False,
        "offers_starttls": False,
        "login": "none",
    }
    try:
        async with asyncio.timeout(EACH_S):
            report = await ctx.probe(relay)
    except TimeoutError:
        return {**checked, "failed_stage": "connect", "error": f"no answer within {EACH_S:g} s"}
    return _told(checked, report)


def _told(checked: CheckedAccount, report: RelayReport) -> CheckedAccount:
    checked["ok"] = report.is_ready
    checked["login"] = report.login
    is_tls = report.tls_version is not None
    checked["offers_starttls"] = is_tls or "STARTTLS" in report.capabilities
    if report.tls_version is not None:
        checked["tls_version"] = report.tls_version
    if report.certificate_expires_at is not None:
        checked["certificate_expires_at"] = report.certificate_expires_at
    if report.failed_stage is not None:
        checked["failed_stage"] = report.failed_stage.value
        checked["error"] = report.failure
    return checked


def _callback(tenant: Tenant, url: str, why: str) -> CheckedCallback:
    checked: CheckedCallback = {"tenant_id": tenant.tenant_id, "url": url, "ok": not why}
    if why:
        checked["error"] = why
    return checked
