"""Events that an application is told, and how that goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mail_proxy.store.values.events import EventRow
from mail_proxy.store.values.reports import ReportCounts, SyncState


class ReportStore(Protocol):
    """Events that an application is told, and how that goes."""

    async def unreported(self, tenant_id: str, *, limit: int) -> list[EventRow]:
        """Oldest first."""
        ...

    async def tenants_with_reports(self) -> list[str]: ...

    async def oldest_unreported(self) -> float | None:
        """event_ts of the oldest event that waits for an application, or None."""
        ...

    async def mark_reported(
        self, tenant_id: str, events: Sequence[EventRow], *, now: float, state: str = "reported"
    ) -> None:
        """Those that wait still as they were read: not one that is to be told once more since."""
        ...

    async def count_report_try(self, tenant_id: str, pks: Sequence[int]) -> None: ...

    async def list_reports(
        self,
        tenant_id: str | None,
        states: Sequence[str],
        *,
        limit: int,
        after: tuple[str, int] | None = None,
    ) -> list[EventRow]:
        """Events in one of the report states, by tenant and pk; `after` is such a key."""
        ...

    async def report_counts(self, *, most: int) -> dict[str, ReportCounts]:
        """By tenant, each number counted up to `most`; without those that have none."""
        ...

    async def replay_events(self, tenant_id: str, pks: Sequence[int], *, now: float) -> set[int]:
        """They wait for their report once more, also reported and parked ones; those there are."""
        ...

    async def replay_messages(
        self, tenant_id: str, ids: Sequence[str], *, now: float
    ) -> dict[str, int]:
        """All events of these messages; by id, how many."""
        ...

    async def replay_between(
        self, tenant_id: str, since_ts: float, until_ts: float, *, now: float
    ) -> int:
        """All that happened from `since_ts` on and before `until_ts`; how many."""
        ...

    async def sync_states(self) -> dict[str, SyncState]:
        """By tenant; without those that were never reported to."""
        ...

    async def get_sync_state(self, tenant_id: str) -> SyncState: ...

    async def put_sync_state(self, state: SyncState) -> None:
        """Nothing where the tenant was deleted meanwhile."""
        ...
