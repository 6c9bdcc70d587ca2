"""Requests about delivery reports, and how far each tenant's reports have come."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from mail_proxy.wire.fields import Int, TenantRequest, Text, Timestamp

MAX_PAGE = 1000
MAX_IDS = 10_000
COUNTED = 10_000  # of what waits and what is parked no more is counted


class ListReports(TenantRequest):
    """Events that the application has not acknowledged, oldest first.

    state: one word or several, by commas: `pending` waits for its report, `parked` was given up,
        `reported` is acknowledged, `dropped` had no URL to go to; without one pending and parked.
    cursor: the `next_cursor` of the page before.
    """

    state: Text | None = None
    limit: Int = Field(default=100, ge=1, le=MAX_PAGE)
    cursor: Text | None = None


class ReplayReports(TenantRequest):
    """Which events are reported once more: one of three ways to say it.

    event_ids: as reports carry them. ids: of messages, with all that happened to them.
    since_ts, until_ts: all that happened from then on, and before.
    """

    event_ids: list[Text] | None = Field(default=None, max_length=MAX_IDS)
    ids: list[Text] | None = Field(default=None, max_length=MAX_IDS)
    since_ts: Timestamp | None = None
    until_ts: Timestamp | None = None


class ResumeReports(TenantRequest):
    """End a pause after 410 and a backoff; what is parked is reported too."""


# --- answers ---


class ReportRecord(TypedDict):
    """One event and its report.

    state: pending, parked, reported or dropped. refusals: how often the application has named it.
    replayed_ts: when a person asked for it once more. event_data: its fields in a report.
    """

    event_id: str
    event_type: str
    event_ts: int
    tenant_id: str
    id: str
    pk: str
    account_id: str
    state: str
    refusals: int
    parked_ts: NotRequired[int]
    reported_ts: NotRequired[int]
    replayed_ts: NotRequired[int]
    event_data: dict[str, Any]


class ReportPage(TypedDict):
    """next_cursor: where the next page begins; absent on the last one."""

    ok: Literal[True]
    reports: list[ReportRecord]
    next_cursor: NotRequired[str]


class Replayed(TypedDict):
    """replayed: how many events. not_found: of what was named, what has no event to report."""

    ok: Literal[True]
    replayed: int
    not_found: list[str]


class Resumed(TypedDict):
    """was_paused: by a 410. failures: posts in a row that were not taken. unparked: events."""

    ok: Literal[True]
    tenant_id: str
    was_paused: bool
    failures: int
    unparked: int


class TenantSync(TypedDict):
    """How far one tenant's reports have come.

    last_sync_ts: the last post that was taken. next_sync_due: its heartbeat has come.
    in_dnd: it asked not to be called before next_sync_after_ts; events go all the same.
    paused: after 410. failures: in a row; last_error says why, retry_at_ts when the next try is.
    unreported, parked: events, counted up to 10,000.
    """

    id: str
    name: NotRequired[str]
    active: bool
    client_base_url: NotRequired[str]
    last_sync_ts: NotRequired[float]
    next_sync_due: bool
    in_dnd: bool
    next_sync_after_ts: NotRequired[float]
    paused: bool
    failures: int
    last_error: NotRequired[str]
    retry_at_ts: NotRequired[float]
    unreported: int
    parked: int


class SyncStatus(TypedDict):
    ok: Literal[True]
    sync_interval_seconds: int
    tenants: list[TenantSync]
