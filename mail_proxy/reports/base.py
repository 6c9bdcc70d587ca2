"""What the reports need of the rest of the house."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mail_proxy.config.settings import ReportSettings
from mail_proxy.domain.clock import Clock
from mail_proxy.http_out import OutgoingHttp
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.observe.news import News
from mail_proxy.store.values.events import EventRow
from mail_proxy.store.values.reports import SyncState
from mail_proxy.store.values.tenants import Tenant


class ReportStore(Protocol):
    """The verbs of the store that reports need."""

    async def get_tenant(self, tenant_id: str) -> Tenant | None: ...
    async def list_tenants(self, *, active_only: bool = False) -> list[Tenant]: ...
    async def tenants_with_reports(self) -> list[str]: ...
    async def unreported(self, tenant_id: str, *, limit: int) -> list[EventRow]: ...
    async def mark_reported(
        self, tenant_id: str, events: Sequence[EventRow], *, now: float, state: str = "reported"
    ) -> None: ...
    async def count_report_try(self, tenant_id: str, pks: Sequence[int]) -> None: ...
    async def get_sync_state(self, tenant_id: str) -> SyncState: ...
    async def put_sync_state(self, state: SyncState) -> None: ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What every tenant's rounds share."""

    store: ReportStore
    http: OutgoingHttp
    settings: ReportSettings
    clock: Clock
    metrics: MailMetrics
    news: News
