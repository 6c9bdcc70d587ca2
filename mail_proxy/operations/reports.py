"""Delivery reports: what the application has not acknowledged, once more, on again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mail_proxy.domain.command_line import by_id, command_line
from mail_proxy.domain.errors import Conflict, Invalid
from mail_proxy.domain.units import LATEST_TS
from mail_proxy.observe import events
from mail_proxy.operations.context import Context
from mail_proxy.operations.cursors import fit, not_ours, packed, tenant_in, unpacked
from mail_proxy.store.values.events import EventRow
from mail_proxy.store.values.reports import ReportCounts, SyncState
from mail_proxy.store.values.tenants import Tenant
from mail_proxy.wire.answers import whole_seconds, without_nulls
from mail_proxy.wire.fields import NoFields
from mail_proxy.wire.reports import (
    COUNTED,
    ListReports,
    Replayed,
    ReplayReports,
    ReportPage,
    ReportRecord,
    Resumed,
    ResumeReports,
    SyncStatus,
    TenantSync,
)

STATES = ("pending", "parked", "reported", "dropped")
UNACKNOWLEDGED = STATES[:2]
UNPARK_BATCH = 500

Position = tuple[str, int]  # tenant_id, pk


async def list_reports(ctx: Context, request: ListReports) -> ReportPage:
    """A page of events by tenant and age."""
    after = None if request.cursor is None else _position(request.cursor)
    found = await ctx.store.list_reports(
        request.tenant_id, _states(request.state), limit=request.limit + 1, after=after
    )
    page: ReportPage = {"ok": True, "reports": [_record(e) for e in found[: request.limit]]}
    if len(found) > request.limit:
        last = found[request.limit - 1]
        page["next_cursor"] = packed((last.tenant_id, last.pk))
    return page


async def replay_reports(ctx: Context, request: ReplayReports) -> Replayed:
    """Report these events once more under their old ids, reported or not; ends any pause too."""
    times = (request.since_ts, request.until_ts)
    ways = (request.event_ids, request.ids, None if times == (None, None) else times)
    if sum(way is not None for way in ways) != 1:
        raise Invalid("give event_ids, or ids, or since_ts and until_ts", field="event_ids")
    tenant = await ctx.tenant(ctx.tenant_id(request.tenant_id))
    _check_receiver(ctx, tenant)
    n, not_found = await _replay(ctx, tenant.tenant_id, request)
    if n:
        events.reports_replayed(tenant_id=tenant.tenant_id, n=n, by=ctx.caller.name)
        await ctx.reporter.resume(tenant.tenant_id)
    return {"ok": True, "replayed": n, "not_found": not_found}


async def resume_reports(ctx: Context, request: ResumeReports) -> Resumed:
    """Go on after a 410, a backoff, and with what was parked."""
    tenant = await ctx.tenant(ctx.tenant_id(request.tenant_id))
    sync = await ctx.store.get_sync_state(tenant.tenant_id)
    unparked = await _unpark(ctx, tenant.tenant_id)
    await ctx.reporter.resume(tenant.tenant_id)
    return {
        "ok": True,
        "tenant_id": tenant.tenant_id,
        "was_paused": sync.paused,
        "failures": sync.failures,
        "unparked": unparked,
    }


async def get_sync_status(ctx: Context, _: NoFields) -> SyncStatus:
    """Of all tenants; it survives a restart."""
    states = await ctx.store.sync_states()
    counts = await ctx.store.report_counts(most=COUNTED)
    return {
        "ok": True,
        "sync_interval_seconds": int(ctx.settings.reports.interval_s),
        "tenants": [
            _sync(
                ctx,
                tenant,
                states.get(tenant.tenant_id, SyncState(tenant.tenant_id)),
                counts.get(tenant.tenant_id, ReportCounts()),
            )
            for tenant in await ctx.store.list_tenants()
        ],
    }


async def _replay(ctx: Context, tenant_id: str, request: ReplayReports) -> tuple[int, list[str]]:
    """How many events, and what was named and is not there."""
    now = ctx.clock.now()
    if request.event_ids is not None:
        by_name = {name: _pk(name) for name in dict.fromkeys(request.event_ids)}
        pks = sorted({pk for pk in by_name.values() if pk is not None})
        again = await ctx.store.replay_events(tenant_id, pks, now=now)
        return len(again), [name for name, pk in by_name.items() if pk not in again]
    if request.ids is not None:
        ids = list(dict.fromkeys(request.ids))
        found = await ctx.store.replay_messages(tenant_id, ids, now=now)
        return sum(found.values()), [name for name in ids if name not in found]
    since_ts = request.since_ts or 0.0
    until_ts = LATEST_TS if request.until_ts is None else request.until_ts
    return await ctx.store.replay_between(tenant_id, since_ts, until_ts, now=now), []


async def _unpark(ctx: Context, tenant_id: str) -> int:
    unparked = 0
    while parked := await ctx.store.list_reports(tenant_id, ["parked"], limit=UNPARK_BATCH):
        pks = [event.pk for event in parked]
        await ctx.store.replay_events(tenant_id, pks, now=ctx.clock.now())
        unparked += len(pks)
    return unparked


def _check_receiver(ctx: Context, tenant: Tenant) -> None:
    """Without a receiver what is replayed would only be settled again."""
    if tenant.client_base_url is None and ctx.settings.reports.client_sync_url is None:
        name = ctx.settings.name
        raise Conflict(
            f"tenant '{tenant.tenant_id}' has no URL that reports go to",
            hint=command_line(
                name, "tenants", "update", *by_id(tenant.tenant_id, "--base-url", "URL")
            ),
        )


def _states(given: str | None) -> Sequence[str]:
    words = dict.fromkeys(word.strip() for word in (given or "").split(",") if word.strip())
    if unknown := [word for word in words if word not in STATES]:
        raise Invalid(f"state: '{unknown[0][:40]}' is none of {', '.join(STATES)}", field="state")
    return tuple(words) or UNACKNOWLEDGED


def _pk(event_id: str) -> int | None:
    """None for what no event can have."""
    is_one = event_id.isascii() and event_id.isdigit() and len(event_id) < 20
    return int(event_id) if is_one and int(event_id) < 2**63 else None


def _record(event: EventRow) -> ReportRecord:
    record: dict[str, Any] = {
        "event_id": str(event.pk),
        "event_type": event.event_type,
        "event_ts": int(event.event_ts),
        "tenant_id": event.tenant_id,
        "id": event.message_id,
        "pk": str(event.message_pk),
        "account_id": event.account_id,
        "state": event.report_state,
        "refusals": event.report_tries,
        "parked_ts": whole_seconds(event.parked_at),
        "reported_ts": whole_seconds(event.acknowledged_at),
        "replayed_ts": whole_seconds(event.replayed_at),
        "event_data": event.reported,
    }
    return without_nulls(record)  # type: ignore[return-value]  # a dict of exactly these keys


def _sync(ctx: Context, tenant: Tenant, sync: SyncState, counts: ReportCounts) -> TenantSync:
    asked = sync.next_sync_after
    record: dict[str, Any] = {
        "id": tenant.tenant_id,
        "name": tenant.name,
        "active": tenant.active,
        "client_base_url": tenant.client_base_url,
        "last_sync_ts": sync.last_sync_ts,
        "next_sync_due": ctx.reporter.is_due(tenant, sync),
        "in_dnd": asked is not None and asked > ctx.clock.now(),
        "next_sync_after_ts": asked,
        "paused": sync.paused,
        "failures": sync.failures,
        "last_error": sync.last_error,
        "retry_at_ts": sync.retry_at,
        "unreported": counts.pending,
        "parked": counts.parked,
    }
    return without_nulls(record)  # type: ignore[return-value]  # a dict of exactly these keys


def _position(cursor: str) -> Position:
    match unpacked(cursor):
        case [str(tenant_id), int(pk)] if fit(pk):
            return tenant_in(tenant_id), pk
    raise not_ours()
