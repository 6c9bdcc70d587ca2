from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from mail_proxy.config.settings import ReportSettings
from mail_proxy.http_out import HttpAnswer
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.observe.news import News
from mail_proxy.reports import Reporter
from mail_proxy.reports.base import Tools
from mail_proxy.reports.tenant import TenantReports
from mail_proxy.store.values.events import EventRow
from mail_proxy.store.values.reports import SyncState
from mail_proxy.store.values.tenants import Tenant
from tests.patience import PATIENCE_S

START = 1_800_000_000.0


class HandClock:
    """Time moves when the test says so; sleeping waits for that."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._moved = asyncio.Event()

    def now(self) -> float:
        return START + self._elapsed

    def monotonic(self) -> float:
        return self._elapsed

    def dice(self) -> float:
        return 0.0

    def advance(self, seconds: float) -> None:
        self._elapsed += seconds
        self._moved.set()

    async def sleep(self, seconds: float) -> None:
        until = self._elapsed + seconds
        while self._elapsed < until:
            self._moved.clear()
            await self._moved.wait()


class MemoryStore:
    """The verbs that reports need, on dictionaries."""

    def __init__(self) -> None:
        self.tenants: dict[str, Tenant] = {}
        self.events: dict[int, EventRow] = {}
        self.sync: dict[str, SyncState] = {}
        self.sync_writes = 0
        self.trouble: Exception | None = None

    def add_tenant(self, tenant_id: str = "acme", **fields: Any) -> None:
        given = {"client_base_url": f"http://{tenant_id}.example"} | fields
        self.tenants[tenant_id] = Tenant(tenant_id, **given)

    def add_event(self, tenant_id: str = "acme", **fields: Any) -> EventRow:
        pk = len(self.events) + 1
        given = {
            "pk": pk,
            "tenant_id": tenant_id,
            "message_pk": 1000 + pk,
            "message_id": f"m{pk}",
            "account_id": "main",
            "priority": 2,
            "event_type": "sent",
            "event_ts": START,
            "description": None,
            "data": {"sent_ts": int(START)},
            "report_state": "pending",
            "reported_ts": None,
            "report_tries": 0,
        } | fields
        self.events[pk] = EventRow(**given)
        return self.events[pk]

    def states(self) -> list[str]:
        return [event.report_state for event in self.events.values()]

    async def get_tenant(self, tenant_id: str) -> Tenant | None:
        if self.trouble is not None:
            raise self.trouble
        return self.tenants.get(tenant_id)

    async def list_tenants(self, *, active_only: bool = False) -> list[Tenant]:
        return [t for t in self.tenants.values() if t.active or not active_only]

    async def tenants_with_reports(self) -> list[str]:
        pending = {e.tenant_id for e in self.events.values() if e.report_state == "pending"}
        return sorted(pending)

    async def unreported(self, tenant_id: str, *, limit: int) -> list[EventRow]:
        found = [
            event
            for event in self.events.values()
            if event.tenant_id == tenant_id and event.report_state == "pending"
        ]
        return sorted(found, key=lambda event: event.pk)[:limit]

    async def mark_reported(
        self, tenant_id: str, events: Sequence[EventRow], *, now: float, state: str = "reported"
    ) -> None:
        for read in events:
            event = self.events[read.pk]
            if event.report_state == "pending" and event.replayed_at == read.replayed_at:
                self.events[read.pk] = replace(event, report_state=state, reported_ts=now)

    async def count_report_try(self, tenant_id: str, pks: Sequence[int]) -> None:
        for pk in pks:
            event = self.events[pk]
            self.events[pk] = replace(event, report_tries=event.report_tries + 1)

    async def get_sync_state(self, tenant_id: str) -> SyncState:
        return self.sync.get(tenant_id, SyncState(tenant_id))

    async def put_sync_state(self, state: SyncState) -> None:
        self.sync_writes += 1
        self.sync[state.tenant_id] = state


class ScriptedHttp:
    """Answers posts as it was told, then 200 with `{"ok": true}`; keeps what was posted."""

    def __init__(self) -> None:
        self.answers: deque[tuple[int, object] | Exception] = deque()
        self.posts: list[tuple[str, list[dict[str, Any]]]] = []
        self.options: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self.hanging: set[str] = set()  # urls that never answer
        self.gate = asyncio.Event()  # when closed, nobody is answered
        self.gate.set()
        self._changed = asyncio.Condition()

    async def post_json(self, url: str, body: bytes, **options: Any) -> HttpAnswer:
        self.bodies.append(body)
        self.posts.append((url, json.loads(body)["delivery_report"]))
        self.options.append(options)
        async with self._changed:
            self._changed.notify_all()
        if url in self.hanging:
            await asyncio.Event().wait()
        await self.gate.wait()
        answer = self.answers.popleft() if self.answers else (200, {"ok": True})
        if isinstance(answer, Exception):
            raise answer
        status, said = answer
        text = said if isinstance(said, bytes) else json.dumps(said).encode()
        return HttpAnswer(status, {}, text)

    async def posted(self, n: int) -> None:
        """Until `n` posts in all have come."""
        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(lambda: len(self.posts) >= n)

    @property
    def ids(self) -> list[list[str]]:
        """The messages' ids of each post."""
        return [[entry["id"] for entry in entries] for _, entries in self.posts]


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.add_tenant()
    return store


@pytest.fixture
async def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def http() -> ScriptedHttp:
    return ScriptedHttp()


@pytest.fixture
def metrics() -> MailMetrics:
    return MailMetrics()


@pytest.fixture
def desk(store, http, clock, metrics) -> Callable[..., TenantReports]:
    """One tenant's rounds, under changed settings."""

    def make(tenant_id: str = "acme", **settings: Any) -> TenantReports:
        tools = Tools(store, http, ReportSettings(**settings), clock, metrics, News(clock))
        return TenantReports(tenant_id, tools)

    return make


@pytest.fixture
async def reporting(store, http, clock, metrics) -> AsyncIterator[Callable[..., Reporter]]:
    """A running reporter; stopped at the end."""
    async with asyncio.TaskGroup() as tasks:
        started: list[Reporter] = []

        def start(*, test_mode: bool = False, **settings: Any) -> Reporter:
            reporter = Reporter(
                store,
                http,
                ReportSettings(**settings),
                clock=clock,
                metrics=metrics,
                news=News(clock),
                test_mode=test_mode,
            )
            tasks.create_task(reporter.run())
            started.append(reporter)
            return reporter

        yield start
        http.gate.set()
        for reporter in started:
            await reporter.stop()
