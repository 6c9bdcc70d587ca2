"""The instance: its health, numbers, settings and token."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import mail_proxy
from mail_proxy.domain.errors import Conflict, Invalid
from mail_proxy.domain.limits import pause_kind
from mail_proxy.domain.state import State
from mail_proxy.domain.why import mend_of_pause, resume_of
from mail_proxy.observe.labels import Labels, labels
from mail_proxy.operations.context import Context
from mail_proxy.operations.numbers import Queue
from mail_proxy.secrets import MASK, new_token
from mail_proxy.store.values.numbers import AccountPause
from mail_proxy.wire.answers import OK, Ok, iso_time, not_before, without_nulls
from mail_proxy.wire.fields import NoFields
from mail_proxy.wire.instance import (
    GetStats,
    GetStatus,
    Health,
    InstanceRecord,
    KeyRotated,
    Metrics,
    PausedAccount,
    RotateKey,
    SettingRecord,
    Stats,
    Status,
    Token,
    Totals,
    UpdateInstance,
)

API_TOKEN = "api_token"  # noqa: S105 - the name of a stored setting
SECRET_SETTINGS = frozenset({API_TOKEN, "bounce_imap_password"})
_HIDDEN = frozenset({"api_token", "encryption_key", "sources", "notes"})
_SECRET_WORDS = ("password", "token")
_DEFAULTS: Mapping[str, Any] = {
    "bounce_enabled": False,
    "bounce_imap_port": 993,
    "bounce_imap_folder": "INBOX",
    "bounce_imap_ssl": True,
    "bounce_poll_interval": 60,
}


async def health(ctx: Context, _: NoFields) -> Health:
    """Whether it answers, what it is called, and its version."""
    return {"ok": True, "status": "ok", "name": await _name(ctx), "version": mail_proxy.__version__}


async def metrics(ctx: Context, _: NoFields) -> Metrics:
    """Counters and gauges for Prometheus."""

    def whose(account: AccountPause) -> Labels:
        name = ctx.directory.name_of(account.tenant_id)
        return labels(account.tenant_id, name, account.account_id)

    standing = await ctx.numbers.standing(whose, is_active=_is_active(ctx))
    ctx.metrics.gauges.show(standing)
    # In a thread: with thousands of accounts the text takes a while.
    return {"ok": True, "text": await asyncio.to_thread(ctx.metrics.render)}


async def get_status(ctx: Context, request: GetStatus) -> Status:
    """Whether mail is being sent, and how much waits."""
    active = _is_active(ctx)
    return {
        "ok": True,
        "active": active,
        "scheduler_active": active,
        "pending_messages": await ctx.store.count_pending(request.tenant_id),
        "uptime_seconds": _uptime(ctx),
    }


async def get_stats(ctx: Context, request: GetStats) -> Stats:
    """The queue in numbers, at most a second old."""
    tenant_id = request.tenant_id
    queue = await ctx.numbers.queue(tenant_id)
    now = ctx.clock.now()
    tenants, accounts = (
        ctx.directory.count()
        if tenant_id is None
        else (int(ctx.directory.has_tenant(tenant_id)), ctx.directory.count_accounts(tenant_id))
    )
    stats: Stats = {
        "ok": True,
        "tenants": tenants,
        "accounts": accounts,
        "messages": {
            "pending": queue.pending,
            "sent": queue.by_state[State.SENT] + queue.by_state[State.BOUNCED],
            "error": queue.by_state[State.FAILED],
        },
        "by_state": {state.value: queue.by_state[state] for state in State},
        "by_priority": _by_priority(queue),
        "deferred": {str(priority): n for priority, n in sorted(queue.deferred.items())},
        "paused_accounts": _paused(ctx.settings.name, queue),
        "active": _is_active(ctx),
        "scheduler_active": _is_active(ctx),
        "now": now,
        "uptime_seconds": _uptime(ctx),
    }
    if queue.is_deferred_bounded:
        stats["deferred_is_bounded"] = True
    if queue.oldest_waiting_at is not None:
        stats["oldest_waiting_s"] = round(max(0.0, now - queue.oldest_waiting_at), 3)
    if queue.next_due_at is not None:
        stats["next_retry_s"] = round(max(0.0, queue.next_due_at - now), 3)
    if ctx.engine.snapshot()["running"]:
        stats["totals"] = _totals(ctx, tenant_id)
    if not ctx.is_tenant:
        stats |= _of_daemon(ctx, queue)
    return stats


def _of_daemon(ctx: Context, queue: Queue) -> Stats:
    """What is of all tenants together, and so for none of them."""
    engine = ctx.engine.snapshot()
    told: dict[str, Any] = {"engine": engine}
    if problem := ctx.secrets_problem():
        told["secrets_problem"] = problem
    if (commit_s := ctx.store.commit_s) is not None:
        told["db_ms"] = round(commit_s * 1000, 3)
    told["db_bytes"] = ctx.vitals.db_bytes()
    if not engine["running"]:
        return told  # type: ignore[return-value]  # a part of it
    told |= {
        "workers": {"busy": engine["connections"], "all": ctx.settings.delivery.max_connections},
        "lag_s": round(queue.lag_s, 4),
        "rss_bytes": ctx.vitals.rss_bytes(),
        "pid": os.getpid(),
        "address": ctx.vitals.address,
    }
    if percentiles := ctx.metrics.attempts.percentiles(0.5, 0.95):
        p50, p95 = (round(seconds, 4) for seconds in percentiles)
        told["smtp_seconds"] = {"p50": p50, "p95": p95}
    return without_nulls(told)  # type: ignore[return-value]  # a part of it


def _totals(ctx: Context, tenant_id: str | None) -> Totals:
    sent, deferred, failed = ctx.metrics.tallies.totals(tenant_id)
    return {"sent": sent, "deferred": deferred, "failed": failed}


async def get_instance(ctx: Context, _: NoFields) -> InstanceRecord:
    """What is stored and what is in force, with the source of each; secrets are masked."""
    stored = {
        name: MASK if name in SECRET_SETTINGS else value
        for name, value in (await ctx.store.settings()).items()
        if name in UpdateInstance.model_fields and value is not None
    }
    created_at = await ctx.store.get_setting("created_at") or 0.0
    record: dict[str, Any] = {
        **_DEFAULTS,
        **stored,
        "created_at": iso_time(created_at),
        "updated_at": iso_time(await ctx.store.get_setting("updated_at") or created_at),
        "id": 1,
        "name": await _name(ctx),
        "edition": "ce",
        "api_token": MASK,
        "version": mail_proxy.__version__,
        "scheduler_active": _is_active(ctx),
        "settings": list(_in_force(ctx.settings, ctx.settings.sources)),
    }
    return record  # type: ignore[return-value]  # the stored names are those of UpdateInstance


async def update_instance(ctx: Context, request: UpdateInstance) -> Ok:
    """Change settings of the instance."""
    given = request.model_dump(exclude_none=True)
    for name in SECRET_SETTINGS:
        if given.get(name) == MASK:
            del given[name]
    token = given.pop(API_TOKEN, None)
    if token is not None:
        await _set_token(ctx, token)
    for name, value in given.items():
        await ctx.store.set_setting(name, value, secret=name in SECRET_SETTINGS)
    await ctx.store.set_setting("updated_at", ctx.clock.now())
    return OK


async def reload_bounce(ctx: Context, _: NoFields) -> Ok:
    """Check the settings for bounces; nothing reads bounces yet."""
    if await ctx.store.get_setting("bounce_enabled") and not await ctx.store.get_setting(
        "bounce_imap_host"
    ):
        raise Invalid("Bounce enabled but imap_host not configured", field="bounce_imap_host")
    return OK


async def get_token(ctx: Context, _: NoFields) -> Token:
    """The admin token."""
    return {"ok": True, "token": ctx.tokens.admin_token}


async def regenerate_token(ctx: Context, _: NoFields) -> Token:
    """A new admin token; the old one ends at once."""
    token = new_token()
    await _set_token(ctx, token)
    return {"ok": True, "token": token}


async def rotate_key(ctx: Context, request: RotateKey) -> KeyRotated:
    """Another encryption key, and every secret under it; what was cut off is gone on with.

    Where the old one is lost, secrets are given anew one by one; the admin token is kept.
    """
    if not request.lost:
        return {"ok": True, "values": await ctx.store.replace_key()}
    await ctx.store.replace_lost_key()
    if ctx.settings.api_token is None:
        await ctx.store.set_setting(API_TOKEN, ctx.tokens.admin_token, secret=True)
    return {"ok": True, "values": 0}


async def _set_token(ctx: Context, token: str) -> None:
    if ctx.settings.api_token is not None:
        raise Conflict(
            "the admin token is set from outside and cannot be changed here",
            hint="change GMP_API_TOKEN and restart",
        )
    await ctx.store.set_setting(API_TOKEN, token, secret=True)
    ctx.tokens.admin_token = token


async def _name(ctx: Context) -> str:
    return await ctx.store.get_setting("name") or ctx.settings.name


def _is_active(ctx: Context) -> bool:
    return bool(ctx.engine.snapshot()["active"])


def _uptime(ctx: Context) -> int:
    return int(ctx.clock.monotonic() - ctx.started_at)


def _by_priority(queue: Queue) -> dict[str, dict[str, int]]:
    return {
        str(priority): {state.value: n for state, n in sorted(counts.items()) if n}
        for priority, counts in sorted(queue.by_priority.items())
    }


def _paused(instance: str, queue: Queue) -> list[PausedAccount]:
    listed: list[PausedAccount] = []
    for account in queue.paused:
        entry: PausedAccount = {
            "tenant_id": account.tenant_id,
            "account_id": account.account_id,
            "paused_by": "person" if account.stopped_at else pause_kind(account.paused_reason),
            "do": _mend(instance, account),
        }
        if account.stopped_at is None:
            entry["paused_until_ts"] = not_before(account.paused_until or 0.0)
        reason = account.paused_reason if account.stopped_at is None else account.stopped_reason
        if reason:
            entry["paused_reason"] = reason
        listed.append(entry)
    return listed


def _mend(instance: str, account: AccountPause) -> str:
    key = (account.tenant_id, account.account_id)
    if account.stopped_at is not None:
        return resume_of(instance, *key)
    has_password = account.auth_method == "password"
    return mend_of_pause(instance, *key, account.paused_reason, has_password=has_password)


def _in_force(tree: Any, sources: Mapping[str, str], prefix: str = "") -> Iterator[SettingRecord]:
    """Each setting of the tree under its place, as `http.port`."""
    for field in fields(tree):
        value = getattr(tree, field.name)
        if field.name in _HIDDEN:
            continue
        place = prefix + field.name
        if is_dataclass(value):
            yield from _in_force(value, sources, f"{place}.")
            continue
        if value and field.name.endswith(_SECRET_WORDS):
            value = MASK
        elif isinstance(value, Path):
            value = str(value)
        yield {"name": place, "value": value, "source": sources.get(place, "default")}
