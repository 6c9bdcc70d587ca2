"""The loop around the tenants' rounds: who is due, how many at once, how it ends."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from mail_proxy.config.settings import ReportSettings
from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import Invalid, StoreError
from mail_proxy.http_out import OutgoingHttp, Unreachable
from mail_proxy.observe import events as log
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.observe.news import News
from mail_proxy.reports.agenda import Agenda
from mail_proxy.reports.base import ReportStore, Tools
from mail_proxy.reports.plan import LOOK_S, Pause, Urge, is_heartbeat_due, receiver_of
from mail_proxy.reports.tenant import TenantReports
from mail_proxy.store.values.reports import SyncState
from mail_proxy.store.values.tenants import Tenant

MOST_AT_ONCE = 100  # posts; a dead receiver takes one for `timeout_s`, then it is in backoff
STORE_PAUSE_S = 5.0
STOP_GRACE_S = 5.0  # what was posted and not noted is posted again: worth a moment's wait


class Reporter:
    """Posts delivery reports, each tenant on its own.

    news: None where nobody watches.
    test_mode: no heartbeats and no retries by themselves, only what was woken or run-now.
    """

    def __init__(
        self,
        store: ReportStore,
        http: OutgoingHttp,
        settings: ReportSettings,
        *,
        clock: Clock,
        metrics: MailMetrics,
        news: News,
        test_mode: bool = False,
    ) -> None:
        self._tools = Tools(store, http, settings, clock, metrics, news)
        self._clock = clock
        self._test_mode = test_mode
        self._agenda = Agenda()
        self._tenants: dict[str, TenantReports] = {}
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        self._rounds: set[asyncio.Task[None]] = set()
        self._look_at: float | None = None if test_mode else clock.monotonic()
        self._look_urge = Urge.TIMER
        self._wake = asyncio.Event()
        self._stopping = False
        self._ended = asyncio.Event()
        self._ended.set()

    def wake(self, tenant_id: str) -> None:
        """Events of this tenant were written."""
        if self._agenda.wake(tenant_id, now=self._clock.monotonic()):
            self._wake.set()

    def run_now(self, tenant_id: str | None) -> None:
        """No waiting for backoff or heartbeat: one tenant, or all of them for None."""
        now = self._clock.monotonic()
        if tenant_id is None:
            self._look_at, self._look_urge = now, Urge.ADMIN
        else:
            self._agenda.urge(tenant_id, Urge.TENANT, now=now)
        self._wake.set()

    async def resume(self, tenant_id: str) -> None:
        """End the pause that a 410 began, or a backoff, also of single events; report now."""
        if tenant_id in self._tenants:
            self._tenants[tenant_id].is_resumed = True
            self._tenants[tenant_id].held.clear()
        sync = await self._tools.store.get_sync_state(tenant_id)
        await self._tools.store.put_sync_state(
            replace(sync, paused=False, retry_at=None, failures=0, last_error=None)
        )
        self.run_now(tenant_id)

    async def reach(self, tenant: Tenant, *, timeout_s: float) -> tuple[str, str] | None:
        """The tenant's URL, and why nothing answers there ("": something does); None: no URL.

        Nothing is posted: any answer to a HEAD will do.
        """
        receiver = receiver_of(tenant, self._tools.settings)
        if receiver is None:
            return None
        try:
            await self._tools.http.reach(
                receiver.url, trusted=receiver.trusted, timeout_s=timeout_s
            )
        except (Unreachable, Invalid) as error:
            return receiver.url, f"{error}; {error.hint}" if error.hint else str(error)
        return receiver.url, ""

    def is_due(self, tenant: Tenant, sync: SyncState) -> bool:
        """The tenant's next heartbeat has come."""
        return is_heartbeat_due(tenant, sync, self._tools.settings, now=self._clock.now())

    async def run(self) -> None:
        """Until `stop`, or until cancelled."""
        self._ended.clear()
        try:
            async with asyncio.TaskGroup() as tasks:
                while not self._stopping:
                    self._wake.clear()
                    await self._look()
                    self._begin_rounds(tasks)
                    await self._rest(tasks)
                await self._drain()
        finally:
            self._ended.set()

    async def stop(self) -> None:
        """Begin no more posts, give those under way a moment, then return."""
        self._stopping = True
        self._wake.set()
        await self._ended.wait()

    async def _look(self) -> None:
        """Find tenants that nobody told us of: at start, on run-now, and once a minute."""
        now = self._clock.monotonic()
        if self._look_at is None or now < self._look_at:
            return
        urge, self._look_urge = self._look_urge, Urge.TIMER
        self._look_at = None if self._test_mode else now + LOOK_S
        try:
            await self._find_tenants(urge, now)
        except StoreError as error:
            log.store_trouble(where="reports", error=error)
            self._look_at, self._look_urge = now + STORE_PAUSE_S, urge
        except Exception as error:  # noqa: BLE001 - a bug ends this look; mail and reports go on
            log.task_broke("looking for reports", error)

    async def _find_tenants(self, urge: Urge, now: float) -> None:
        store, settings = self._tools.store, self._tools.settings
        found = dict.fromkeys(await store.tenants_with_reports())
        for tenant in await store.list_tenants(active_only=True):
            is_new = tenant.tenant_id not in self._agenda
            if receiver_of(tenant, settings) and (is_new or urge > Urge.TIMER):
                found[tenant.tenant_id] = None
        for tenant_id in found:
            if urge > Urge.TIMER:
                self._agenda.urge(tenant_id, urge, now=now)
            else:
                self._agenda.plan(tenant_id, now)

    def _begin_rounds(self, tasks: asyncio.TaskGroup) -> None:
        for tenant_id, urge in self._agenda.take(now=self._clock.monotonic()):
            task = tasks.create_task(self._round(tenant_id, urge), name=f"reports {tenant_id}")
            self._rounds.add(task)
            task.add_done_callback(self._rounds.discard)

    async def _round(self, tenant_id: str, urge: Urge) -> None:
        try:
            async with self._slots:
                pause = Pause(None) if self._stopping else await self._desk(tenant_id).round(urge)
        except StoreError as error:
            log.store_trouble(where="reports", error=error)
            pause = Pause(STORE_PAUSE_S, holds=True)
        except Exception as error:  # noqa: BLE001 - a bug for one tenant must not stop the others
            log.task_broke(f"reports of {tenant_id}", error)
            pause = Pause(LOOK_S, holds=True)
        if pause.delay_s is None:
            self._tenants.pop(tenant_id, None)
        if self._test_mode and pause.delay_s != 0:
            pause = Pause(None)
        self._agenda.end(tenant_id, pause, now=self._clock.monotonic())
        self._wake.set()

    def _desk(self, tenant_id: str) -> TenantReports:
        return self._tenants.setdefault(tenant_id, TenantReports(tenant_id, self._tools))

    async def _rest(self, tasks: asyncio.TaskGroup) -> None:
        """Until something is due or somebody wakes us."""
        planned = [at for at in (self._look_at, self._agenda.next_at()) if at is not None]
        if not planned:
            await self._wake.wait()
            return
        delay = min(planned) - self._clock.monotonic()
        if delay <= 0:
            return
        # Bounded: an application may have asked for a heartbeat in a thousand years.
        alarm = tasks.create_task(self._alarm(min(delay, LOOK_S)), name="reports alarm")
        try:
            await self._wake.wait()
        finally:
            alarm.cancel()

    async def _alarm(self, delay_s: float) -> None:
        await self._clock.sleep(delay_s)
        self._wake.set()

    async def _drain(self) -> None:
        if self._rounds:
            await asyncio.wait(self._rounds, timeout=STOP_GRACE_S)
        for task in self._rounds:
            task.cancel()
