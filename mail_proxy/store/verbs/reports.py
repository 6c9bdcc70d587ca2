"""Events that an application is told, and how that goes."""

from __future__ import annotations

from collections.abc import Sequence

from mail_proxy.store import reports, tenants
from mail_proxy.store.sqlite.reports import count_report_try, mark_reported, unreported
from mail_proxy.store.values.events import EventRow
from mail_proxy.store.values.reports import ReportCounts, SyncState
from mail_proxy.store.verbs.part import AT_ONCE, Part, chunks


class ReportVerbs(Part):
    """Events that an application is told, and how that goes."""

    async def unreported(self, tenant_id: str, *, limit: int) -> list[EventRow]:
        return await self._readers.read(unreported, tenant_id, limit=limit)

    async def tenants_with_reports(self) -> list[str]:
        return await self._readers.read(reports.tenants_with_reports)

    async def oldest_unreported(self) -> float | None:
        return await self._readers.read(reports.oldest_unreported)

    async def mark_reported(
        self, tenant_id: str, events: Sequence[EventRow], *, now: float, state: str = "reported"
    ) -> None:
        for some in chunks(events):
            await self._write(mark_reported, tenant_id, some, now=now, state=state)

    async def count_report_try(self, tenant_id: str, pks: Sequence[int]) -> None:
        for some in chunks(pks):
            await self._write(count_report_try, tenant_id, some)

    async def list_reports(
        self,
        tenant_id: str | None,
        states: Sequence[str],
        *,
        limit: int,
        after: reports.Position | None = None,
    ) -> list[EventRow]:
        return await self._readers.read(
            reports.list_reports, tenant_id, states, limit=limit, after=after
        )

    async def report_counts(self, *, most: int) -> dict[str, ReportCounts]:
        return await self._readers.read(reports.report_counts, most=most)

    async def replay_events(self, tenant_id: str, pks: Sequence[int], *, now: float) -> set[int]:
        again: set[int] = set()
        for some in chunks(pks):
            again |= await self._write(reports.replay_events, tenant_id, some, now=now)
        return again

    async def replay_messages(
        self, tenant_id: str, ids: Sequence[str], *, now: float
    ) -> dict[str, int]:
        again: dict[str, int] = {}
        for some in chunks(ids):
            again |= await self._write(reports.replay_messages, tenant_id, some, now=now)
        return again

    async def replay_between(
        self, tenant_id: str, since_ts: float, until_ts: float, *, now: float
    ) -> int:
        n = after = 0
        while pks := await self._readers.read(
            reports.reportable_between, tenant_id, since_ts, until_ts, after=after, limit=AT_ONCE
        ):
            n += len(await self._write(reports.replay_events, tenant_id, pks, now=now))
            after = pks[-1]
        return n

    async def sync_states(self) -> dict[str, SyncState]:
        return await self._readers.read(reports.sync_states)

    async def get_sync_state(self, tenant_id: str) -> SyncState:
        return await self._readers.read(reports.get_sync_state, tenant_id)

    async def put_sync_state(self, state: SyncState) -> None:
        await self._write(
            tenants.for_tenant, state.tenant_id, lambda conn: reports.put_sync_state(conn, state)
        )
