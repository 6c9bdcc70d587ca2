"""Where a tenant's reports go, and when: decided from values, without I/O.

Times are seconds since the epoch, waits are seconds. A clock that was set back must not make a wait
longer than its rule allows, so every wait is bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

from mail_proxy.config.settings import ReportSettings
from mail_proxy.domain.report_url import report_url
from mail_proxy.reports.entries import Answer
from mail_proxy.store.values.events import EventRow
from mail_proxy.store.values.reports import SyncState
from mail_proxy.store.values.tenants import Tenant

MAX_REPEATS = 10  # of an event that the application refuses by name
LOOK_S = 60.0  # how often what nobody told us of is looked for
SHORTEST_FLOOR_S = 1.0
LONGEST_FLOOR_S = 60.0
SYNC_WRITE_S = 5.0  # the time of the last sync may be this old on the disk


class Urge(IntEnum):
    """Who wants this round."""

    TIMER = 0
    ADMIN = 1  # run-now for all: no backoff; a tenant that asked not to be called stays so
    TENANT = 2  # run-now of the tenant: a call in any case


@dataclass(frozen=True, slots=True)
class Pause:
    """delay_s: until the next round; None: until somebody wakes us.

    holds: new events do not shorten it (backoff, paused).
    """

    delay_s: float | None
    holds: bool = False


@dataclass(frozen=True, slots=True)
class Receiver:
    url: str
    auth: Mapping[str, Any] | None = field(repr=False)
    trusted: bool


def receiver_of(tenant: Tenant, settings: ReportSettings) -> Receiver | None:
    """The tenant's own URL, else the one for all, else None."""
    if tenant.client_base_url:
        url = report_url(tenant.client_base_url, tenant.client_sync_path)
        return Receiver(url, tenant.client_auth, trusted=tenant.url_set_by_admin)
    if settings.client_sync_url:
        return Receiver(settings.client_sync_url, _auth_for_all(settings), trusted=True)
    return None


def batch_size(settings: ReportSettings, failures: int) -> int:
    """Half as many events after each failure: the post may have been too large or too slow."""
    return max(1, settings.batch_limit >> max(0, failures - 1))


def backoff_s(settings: ReportSettings, failures: int, dice: float) -> float:
    """The wait after `failures` in a row (at least 1): doubled each time, a tenth of jitter."""
    # The exponent is bounded first: 2.0 ** 2000 overflows a float.
    doubled = settings.first_backoff_s * 2.0 ** min(failures - 1, 64)
    return min(settings.max_backoff_s, doubled) * (1 + dice / 10)


def hold_s(sync: SyncState, settings: ReportSettings, *, now: float, urge: Urge) -> float:
    """How long no post may be made, events or not; 0: now."""
    if sync.paused:
        return LOOK_S
    if sync.retry_at is None or urge > Urge.TIMER:
        return 0.0
    return min(max(0.0, sync.retry_at - now), settings.max_backoff_s * 1.1)


def heartbeat_s(sync: SyncState, settings: ReportSettings, *, now: float, urge: Urge) -> float:
    """How long until a post without events; 0: now."""
    if urge is Urge.TENANT:
        return 0.0
    if sync.next_sync_after is not None:
        return max(0.0, sync.next_sync_after - now)
    if sync.last_sync_ts is None or urge is Urge.ADMIN:
        return 0.0
    interval = max(settings.interval_s, SHORTEST_FLOOR_S)
    return min(max(0.0, sync.last_sync_ts + interval - now), interval)


def is_heartbeat_due(
    tenant: Tenant, sync: SyncState, settings: ReportSettings, *, now: float
) -> bool:
    """It would be called now, had nothing happened; a pause and a backoff aside."""
    if not tenant.active or receiver_of(tenant, settings) is None:
        return False
    return heartbeat_s(sync, settings, now=now, urge=Urge.TIMER) <= 0


def next_sync_after(answer: Answer, *, now: float, quiet: int) -> float | None:
    """When the application wants its next heartbeat; None: at the usual interval.

    quiet: posts without events before this one that were asked for early. The more there were, the
    longer the floor, so that a receiver which always wants more makes no loop.
    """
    floor = min(LONGEST_FLOOR_S, SHORTEST_FLOOR_S * 2.0 ** min(quiet, 10))
    if answer.next_sync_after is not None:
        return max(answer.next_sync_after, now + floor)
    return now + floor if answer.queued else None


def is_too_old(event: EventRow, settings: ReportSettings, *, now: float) -> bool:
    """Since it happened, or since a person asked for it once more."""
    return max(event.event_ts, event.replayed_at or 0.0) < now - settings.keep_unreported_s


def is_spent(event: EventRow) -> bool:
    """Refused by name once more, after all its repeats."""
    return event.report_tries >= MAX_REPEATS


def is_worth_writing(before: SyncState, after: SyncState) -> bool:
    """Spares a write for each of twenty posts a second."""
    if replace(before, last_sync_ts=after.last_sync_ts) != after:
        return True
    if before.last_sync_ts is None or after.last_sync_ts is None:
        return before != after
    return abs(after.last_sync_ts - before.last_sync_ts) >= SYNC_WRITE_S


def _auth_for_all(settings: ReportSettings) -> dict[str, Any] | None:
    if settings.client_sync_token:
        return {"method": "bearer", "token": settings.client_sync_token}
    if settings.client_sync_user:
        return {
            "method": "basic",
            "user": settings.client_sync_user,
            "password": settings.client_sync_password,
        }
    return None
