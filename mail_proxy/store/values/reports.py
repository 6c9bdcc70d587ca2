"""How far the reports of a tenant have come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SyncState:
    tenant_id: str
    last_sync_ts: float | None = None
    next_sync_after: float | None = None
    retry_at: float | None = None
    failures: int = 0
    last_error: str | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class ReportCounts:
    """Events of a tenant that wait for their report, and those that are parked."""

    pending: int = 0
    parked: int = 0
