"""One tenant's reports: a round reads what waits, posts it, and writes what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.webhook import good_at, headers_for
from mail_proxy.http_out import Unreachable
from mail_proxy.observe import events as log
from mail_proxy.observe.log import gathered
from mail_proxy.reports import plan
from mail_proxy.reports.base import Tools
from mail_proxy.reports.entries import (
    Answer,
    encoded,
    is_named,
    read_answer,
    requests_of,
    webhook_id,
)
from mail_proxy.reports.plan import Pause, Receiver, Urge
from mail_proxy.store.values.events import EventRow
from mail_proxy.store.values.reports import SyncState
from mail_proxy.store.values.tenants import Tenant

_NAMED = "the application named them in `error`"
MAX_HELD = 10_000  # events refused by name; with more, the tenant as a whole waits


@dataclass(slots=True)
class TenantReports:
    """Rounds of one tenant, never two at once.

    held: events that the application refused by name, and when each may go again. Kept in memory:
        after a restart they go at once, and their tries are in the store.
    quiet: posts without events in a row that the application asked for early.
    heartbeat_id: the webhook-id of a post without events that comes again until it is taken.
    is_resumed: during this round a person ended pause and backoff. What the receiver of before
        refuses then is not written down: it would pause the one of now.
    """

    tenant_id: str
    tools: Tools
    held: dict[int, float] = field(default_factory=dict)
    quiet: int = 0
    heartbeat_id: str = ""
    is_resumed: bool = False

    async def round(self, urge: Urge) -> Pause:
        """Post what may be posted now; how long to wait for the next round."""
        self.is_resumed = False
        store, settings = self.tools.store, self.tools.settings
        tenant = await store.get_tenant(self.tenant_id)
        if tenant is None:
            return Pause(None)
        receiver = plan.receiver_of(tenant, settings)
        if receiver is None:
            return await self._settle_without_receiver()
        sync = await store.get_sync_state(self.tenant_id)
        now = self.tools.clock.now()
        limit = plan.batch_size(settings, sync.failures)
        waiting = await self._waiting(limit, now)
        hold = plan.hold_s(sync, settings, now=now, urge=urge)
        if hold:
            return Pause(hold, holds=True)
        if not waiting:
            pause = self._idle(tenant, sync, now=now, urge=urge)
            if pause.delay_s != 0:
                return pause
        pause = await self._report(tenant, receiver, sync, waiting)
        # A full post: there may be more. Else whoever writes an event wakes us.
        return Pause(0.0) if len(waiting) == limit and not pause.holds else pause

    async def _settle_without_receiver(self) -> Pause:
        limit = self.tools.settings.batch_limit
        events = await self.tools.store.unreported(self.tenant_id, limit=limit)
        if events:
            await self._mark(events, "dropped")
            self.tools.metrics.report_dropped(len(events))
        return Pause(0.0 if len(events) == limit else None)

    async def _waiting(self, limit: int, now: float) -> list[EventRow]:
        """Up to `limit` events that may go now, oldest first; those too old are parked."""
        self.held = {pk: until for pk, until in self.held.items() if until > now}
        while True:
            found = await self.tools.store.unreported(self.tenant_id, limit=limit + len(self.held))
            old = [e for e in found if plan.is_too_old(e, self.tools.settings, now=now)]
            if not old:
                return [event for event in found if event.pk not in self.held][:limit]
            await self._park(old, "they are too old")

    def _idle(self, tenant: Tenant, sync: SyncState, *, now: float, urge: Urge) -> Pause:
        """The wait for a heartbeat, or for the first event that may go again."""
        waits = [until - now for until in self.held.values()]
        if tenant.active:
            waits.append(plan.heartbeat_s(sync, self.tools.settings, now=now, urge=urge))
        return Pause(min(waits, default=None))

    async def _report(
        self, tenant: Tenant, receiver: Receiver, sync: SyncState, events: list[EventRow]
    ) -> Pause:
        started = self.tools.clock.monotonic()
        if tenant.secret_unreadable:
            why = "its login or its webhook secret cannot be read: the key is lost"
            answer = Answer(problem=why)
        else:
            answer = await self._post(tenant, receiver, events)
        seconds = self.tools.clock.monotonic() - started
        self.tools.metrics.report(seconds)
        if answer.is_gone:
            return await self._gone(sync, answer)
        if answer.problem:
            if answer.rejected_all:
                await self._count_refusal(events)
            return await self._retry_later(sync, answer.problem, len(events))
        return await self._taken(tenant, sync, answer, events, seconds)

    async def _post(self, tenant: Tenant, receiver: Receiver, events: Sequence[EventRow]) -> Answer:
        now = self.tools.clock.now()
        body = encoded(events, tenant.report_style)
        headers = headers_for(
            good_at(tenant.webhook_secrets, now),
            id=webhook_id(body) if events else self._heartbeat_id(now),
            timestamp=int(now),
            body=body,
        )
        try:
            reply = await self.tools.http.post_json(
                receiver.url,
                body,
                auth=receiver.auth,
                trusted=receiver.trusted,
                timeout_s=self.tools.settings.timeout_s,
                headers=headers,
            )
        except Unreachable as error:
            # The head of the answer was read and says yes: its endless body changes nothing.
            is_taken = error.status is not None and 200 <= error.status < 300
            return Answer() if is_taken else Answer(problem=str(error))
        except Invalid as error:
            return Answer(problem=f"{error}; {error.hint}" if error.hint else str(error))
        return read_answer(reply.status, reply.body)

    def _heartbeat_id(self, now: float) -> str:
        if not self.heartbeat_id:
            self.heartbeat_id = webhook_id(self.tenant_id.encode(), repr(now).encode())
        return self.heartbeat_id

    async def _taken(
        self,
        tenant: Tenant,
        sync: SyncState,
        answer: Answer,
        events: list[EventRow],
        seconds: float,
    ) -> Pause:
        self.heartbeat_id = ""
        refused = [event for event in events if is_named(event, answer.refused)]
        taken = [event for event in events if not is_named(event, answer.refused)]
        await self._mark(taken, "reported")
        self.tools.metrics.reported(len(taken))
        with gathered():
            log.reports_sent(tenant_id=self.tenant_id, n=len(taken), seconds=seconds)
            log.requests_reported(tenant_id=self.tenant_id, request_ids=requests_of(taken))
        if taken:
            self.tools.news.put("posted", self.tenant_id, n=len(taken))
        await self._count_refusal(refused)
        if len(self.held) + len(refused) > MAX_HELD:
            why = "the application refuses too many entries by name"
            return await self._retry_later(sync, why, len(refused))
        now = self.tools.clock.now()
        self._hold(refused, now)
        after = SyncState(
            self.tenant_id,
            last_sync_ts=now,
            next_sync_after=self._next_sync_after(answer, is_empty=not events, now=now),
        )
        if plan.is_worth_writing(sync, after):
            await self.tools.store.put_sync_state(after)
        return self._idle(tenant, after, now=now, urge=Urge.TIMER)

    def _next_sync_after(self, answer: Answer, *, is_empty: bool, now: float) -> float | None:
        is_early = answer.queued or answer.next_sync_after is not None
        self.quiet = self.quiet + 1 if is_empty and is_early else 0
        return plan.next_sync_after(answer, now=now, quiet=max(0, self.quiet - 1))

    async def _retry_later(self, sync: SyncState, why: str, n: int) -> Pause:
        if self.is_resumed:
            return Pause(0.0)
        failures = sync.failures + 1
        wait = plan.backoff_s(self.tools.settings, failures, self.tools.clock.dice())
        retry_at = self.tools.clock.now() + wait
        await self.tools.store.put_sync_state(
            replace(sync, retry_at=retry_at, failures=failures, last_error=why)
        )
        self.tools.metrics.report_refused(n)
        log.reports_refused(tenant_id=self.tenant_id, n=n, why=why, retry_at=retry_at)
        self.tools.news.put("refused", self.tenant_id, words=why, n=n)
        return Pause(wait, holds=True)

    async def _gone(self, sync: SyncState, answer: Answer) -> Pause:
        if self.is_resumed:
            return Pause(0.0)
        await self.tools.store.put_sync_state(replace(sync, paused=True, last_error=answer.problem))
        log.reports_paused(tenant_id=self.tenant_id, why=answer.problem)
        words = f"{answer.problem}; nothing more is reported until it is resumed"
        self.tools.news.put("refused", self.tenant_id, words=words, n=0)
        return Pause(plan.LOOK_S, holds=True)

    async def _count_refusal(self, events: Sequence[EventRow]) -> None:
        """The application named these: they come again, or are parked when they have often."""
        await self._park([e for e in events if plan.is_spent(e)], "they were refused too often")
        again = [event.pk for event in events if not plan.is_spent(event)]
        if again:
            await self.tools.store.count_report_try(self.tenant_id, again)

    def _hold(self, refused: Sequence[EventRow], now: float) -> None:
        """Each waits by itself, so that one refused event delays none of the others."""
        again = [event for event in refused if not plan.is_spent(event)]
        if not again:
            return
        settings, clock = self.tools.settings, self.tools.clock
        for event in again:
            wait = plan.backoff_s(settings, event.report_tries + 1, clock.dice())
            self.held[event.pk] = now + wait
        self.tools.metrics.report_refused(len(again))
        log.reports_refused(
            tenant_id=self.tenant_id,
            n=len(again),
            why=_NAMED,
            retry_at=min(self.held[event.pk] for event in again),
        )
        self.tools.news.put("refused", self.tenant_id, words=_NAMED, n=len(again))

    async def _park(self, events: Sequence[EventRow], why: str) -> None:
        if events:
            await self._mark(events, "parked")
            self.tools.metrics.report_parked(len(events))
            log.reports_parked(tenant_id=self.tenant_id, n=len(events), why=why)
            self.tools.news.put("parked", self.tenant_id, words=why, n=len(events))

    async def _mark(self, events: Sequence[EventRow], state: str) -> None:
        if events:
            await self.tools.store.mark_reported(
                self.tenant_id, events, now=self.tools.clock.now(), state=state
            )
