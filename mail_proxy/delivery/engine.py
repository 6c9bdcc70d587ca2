"""The engine: an idle daemon has a new message on the wire in milliseconds, and never polls.

One dispatcher claims for the accounts whose turn it is and gives them connections; couriers send;
the finisher writes. Everything runs in one TaskGroup; `stop` ends it in order: no new claims, what
is on the wire ends, results are written, leases are given back.

It is long, for here all parts meet: what is asked for, claimed, sent and written. They decide.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any

from mail_proxy.config.settings import DeliverySettings
from mail_proxy.delivery.agenda import Agenda
from mail_proxy.delivery.claimer import STORE_PAUSE_S, Claimer
from mail_proxy.delivery.courier import Courier
from mail_proxy.delivery.couriers import Couriers
from mail_proxy.delivery.expiry import Expiry
from mail_proxy.delivery.finish import Ended, Finisher
from mail_proxy.delivery.gate import Gate
from mail_proxy.delivery.journal import PAUSE_S, Journal
from mail_proxy.delivery.lane import Lane, matching
from mail_proxy.delivery.lanes import Lanes
from mail_proxy.delivery.letters import Letters
from mail_proxy.delivery.limited import Limited
from mail_proxy.delivery.looks import IDLE_LOOK_S
from mail_proxy.delivery.opening import LaneOpener, StoreAway
from mail_proxy.delivery.outcome import released
from mail_proxy.delivery.pauses import Pauses
from mail_proxy.delivery.preparing import Preparing
from mail_proxy.delivery.records import Key as Attempted
from mail_proxy.delivery.recovery import Recovery
from mail_proxy.delivery.results import Told
from mail_proxy.delivery.ring import Key
from mail_proxy.delivery.tenure import Tenure
from mail_proxy.delivery.turns import Turns
from mail_proxy.delivery.wall import Wall
from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import StoreError
from mail_proxy.observe import events
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.observe.news import News
from mail_proxy.smtp import SMTPPool
from mail_proxy.store import Claim, Claimed, Store


class Engine:
    """See the module. Wake-ups and recalls are harmless while it does not run."""

    def __init__(
        self,
        store: Store,
        pool: SMTPPool,
        settings: DeliverySettings,
        *,
        clock: Clock,
        metrics: MailMetrics,
        journal: Journal,
        letters: Letters,
        on_result: Callable[[dict[str, Any]], None],
        on_event: Callable[[str], None],
        news: News,
        recovery: Recovery | None = None,
    ) -> None:
        """The journal's owner is this daemon. recovery: given where others share the store."""
        self._store = store
        self._pool = pool
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._told = Told(metrics, on_result, on_event, news=news)
        self._finisher = Finisher(
            store, clock, self._written, lost=lambda message: self._preparing.release(message)
        )
        self._expiry = Expiry(store, settings, clock, self._finisher.flush, self._told.given_up)
        self._lanes = Lanes(per_account=settings.max_connections_per_account)
        self._agenda = Agenda(self._lanes, settings, clock)
        self._opener = LaneOpener(store, clock)
        self._pauses = Pauses(store, clock, self._told)
        self._tenure = Tenure(
            store,
            journal,
            settings,
            clock,
            recovery,
            gap=self._recall_all,
            recovered=self.wake_all,
        )
        self._claimer = Claimer(
            store,
            settings,
            clock,
            journal.owner.daemon_id,
            self._tenure.leases,
            keep=self._keep,
            limit=lambda *claimed: self._limited.claimed(*claimed),
            note=self._agenda.note,
            revisit=self._agenda.revisit,
        )
        self._limited = Limited(
            store,
            clock,
            self._lanes,
            self._told,
            note=self._agenda.note,
            revisit=self._agenda.revisit,
            give_back=self._give_back,
            spawn=self._spawn,
            claiming=self._claimer.claiming,
        )
        self._preparing = Preparing(
            letters,
            store.content,
            self._finisher,
            clock,
            metrics,
            settings.retry,
            ready=self._agenda.revisit,
            spawn=self._spawn,
        )
        self._gate = Gate()
        self._ended = asyncio.Event()
        self._couriers = Couriers(self._make_courier, fault=self._fault, ended=self._agenda.revisit)
        self._turns = Turns(
            self._lanes,
            self._couriers,
            self._claimer,
            connections=settings.max_connections,
            may_begin=self._may_begin,
            give_back=self._give_back,
            again=self._agenda.again,
        )
        self._group: asyncio.TaskGroup | None = None
        self._active = True
        self._stopping = False
        self._wall = Wall(store, clock, look=self.wake_all)

    # --- what others ask for ---

    def wake(self, tenant_id: str, account_id: str, *, is_urgent: bool = False) -> None:
        """Something of that account has become due, or may be asked for again."""
        if self._group is not None:
            self._agenda.wake((tenant_id, account_id), is_urgent=is_urgent)

    def wake_all(self) -> None:
        """Look at every account that has waiting messages."""
        if not self._agenda.looks.is_gated:
            self.run_now(None)

    def run_now(self, tenant_id: str | None) -> None:
        """Look at the queue at once, also in test mode and between two intervals."""
        if tenant_id is not None:
            events.run_now(tenant_id)
        self._expiry.wake()
        self._agenda.look()

    def set_active(self, active: bool) -> None:
        """Switch the whole scheduler; what is claimed and not begun goes back."""
        self._active = active
        if active:
            self.wake_all()
        else:
            self._recall_all()

    async def refresh(self, tenant_id: str, account_id: str) -> None:
        """The account was added, changed or deleted: new connections, no pause."""
        key = (tenant_id, account_id)
        self._opener.changed()
        lane = self._lanes.get(key)
        if lane is not None:  # at once: while we wait below, nothing new is begun in the old way
            self._lanes.drop(key)
            self._give_back(lane.take_back(lambda _: True))
            self._couriers.end_idle(lane)
        await self._pool.forget(tenant_id, account_id)
        await self.recall(tenant_id, account_id=account_id)
        self.wake(tenant_id, account_id)

    async def recall(
        self,
        tenant_id: str | None,
        *,
        ids: Collection[str] | None = None,
        batch_code: str | None = None,
        account_id: str | None = None,
    ) -> None:
        """Give back what is claimed and not begun; it is WAITING again when this returns.

        tenant_id None: of all tenants. What must stay back is changed inside `recalled`.
        """

        def is_meant(key: Key) -> bool:
            return tenant_id in (None, key[0]) and account_id in (None, key[1])

        await self._claimer.settle(is_meant)
        chosen = matching(None if ids is None else frozenset(ids), batch_code)
        for lane in self._lanes:
            if is_meant(lane.key):
                self._give_back(lane.take_back(chosen))
        if self._group is not None:
            await self._finisher.flush()

    async def limits_changed(self, tenant_id: str) -> None:
        """The tenant's limits: what was claimed under the old ones begins no more."""
        await self.recall(tenant_id)
        self._limited.lift_all(tenant_id)

    @asynccontextmanager
    async def recalled(
        self, tenant_id: str, *, ids: Collection[str] | None = None
    ) -> AsyncIterator[None]:
        """Inside, what was claimed and not begun is back, and nothing of the tenant is claimed."""
        try:
            with self._claimer.barred(tenant_id):
                await self.recall(tenant_id, ids=ids)
                yield
        finally:
            for lane in self._lanes:
                if lane.key[0] == tenant_id:
                    self._agenda.revisit(lane)

    def snapshot(self) -> dict[str, Any]:
        """What is in memory now, for `stats`."""
        return {
            "active": self._active,
            "running": self._group is not None,
            **self._lanes.numbers(),
            "connections": len(self._couriers),
            "max_connections": self._settings.max_connections,
        }

    # --- its life ---

    async def run(self) -> None:
        """Until `stop`."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                finishing = group.create_task(self._finisher.run(), name="finisher")
                expiring = group.create_task(self._expiry.run(), name="expiry")
                keeping = group.create_task(self._tenure.keep(self._holds), name="leases")
                try:
                    await self._dispatch(group)
                    await self._drain()
                except TimeoutError:  # the store is away: `write_rest` tries for the last time
                    finishing.cancel()
                finally:
                    expiring.cancel()
                    self._finisher.close()
                await asyncio.wait([finishing])
                keeping.cancel()
        finally:
            self._group = None
            try:
                await self._finisher.write_rest()
                await self._tenure.end()
            finally:
                self._ended.set()

    async def stop(self) -> None:
        """No new claims, then wait for what is on the wire, at most the grace time."""
        self._stopping = True
        self._agenda.again()
        if self._group is not None:
            await self._ended.wait()

    async def _drain(self) -> None:
        self._recall_all()
        await self._claimer.settle()
        await self._couriers.end(self._settings.stop_grace_s)
        async with asyncio.timeout(self._settings.stop_grace_s):
            await self._finisher.flush()

    def _holds(self) -> bool:
        """Something is leased to us, as far as is known here."""
        return bool(self._couriers) or self._finisher.is_busy or any(x.held for x in self._lanes)

    # --- the dispatcher ---

    async def _dispatch(self, group: asyncio.TaskGroup) -> None:
        while not self._stopping:
            self._agenda.begin_round()
            now = self._clock.monotonic()
            if back_s := self._wall.set_back_s():
                self._spawn(self._wall.redate(back_s), "clock set back")
            if self._agenda.looks.is_due(now):
                await self._look(now)
            await self._open_woken(now)
            self._lanes.fire_timers(now)
            if self._active and self._tenure.journal.open():
                self._turns.take(now, group)
            await self._wait(now)

    async def _wait(self, now: float) -> None:
        moments = [now + IDLE_LOOK_S]  # a clock that is set forward is not noticed in our sleep
        if not self._tenure.journal.is_writable:
            moments.append(now + PAUSE_S)
        moments += [at for at in (self._agenda.looks.at,) if at is not None]
        moments += [at for at in (self._lanes.next_timer(),) if at is not None and self._active]
        await self._agenda.wait(max(0.0, min(moments) - now))

    async def _look(self, now: float) -> None:
        """Read every account with waiting messages."""
        self._agenda.looks.begin(now)
        try:
            ready = await self._store.ready_accounts()
        except StoreError as error:
            events.store_trouble(where="look", error=error)
            self._agenda.looks.ask(now + STORE_PAUSE_S)
            return
        for account in ready:
            key = (account.tenant_id, account.account_id)
            lane = self._lanes.get(key) or await self._open_lane(key)
            if lane is not None:
                self._agenda.note(lane, account.next_due_at)
                self._lanes.consider(lane, now)

    async def _open_woken(self, now: float) -> None:
        for key in self._agenda.take_woken():
            lane = self._lanes.get(key) or await self._open_lane(key)
            if lane is not None:
                self._lanes.consider(lane, now)

    async def _open_lane(self, key: Key) -> Lane | None:
        try:
            opened = await self._opener.open(key)
        except StoreAway:
            self._agenda.looks.ask(self._clock.monotonic() + STORE_PAUSE_S)
            return None
        if opened is None:
            return None
        lane, tenant = opened
        self._told.name(key, tenant.name)
        self._lanes.add(lane)
        return lane

    def _may_begin(self) -> bool:
        """Another attempt may begin; the connections that stand are kept whatever this says."""
        return self._active and not self._stopping and self._tenure.may_send()

    # --- what comes back ---

    def _keep(self, lane: Lane, claim: Claim, asked_at: float) -> None:
        """Into the lane; straight back when it was stopped, paused or changed meanwhile."""
        is_paused = lane.paused_until > self._clock.monotonic()
        is_ours = asked_at >= self._tenure.leases.since and self._is_current(lane)
        if self._active and not self._stopping and not is_paused and is_ours:
            self._take(lane, claim)
        else:
            self._give_back(claim.messages)

    def _take(self, lane: Lane, claim: Claim) -> None:
        to_prepare = [m for m in claim.messages if self._preparing.is_needed(m)]
        if not to_prepare:
            lane.add(claim.messages, lower=claim.lower)
            return
        pks = {message.pk for message in to_prepare}
        at_hand = [message for message in claim.messages if message.pk not in pks]
        lane.add(at_hand, lower=[pk for pk in claim.lower if pk not in pks])
        for message in to_prepare:
            self._preparing.begin(lane, message, is_lower=message.pk in claim.lower)

    def _is_current(self, lane: Lane) -> bool:
        return self._lanes.get(lane.key) is lane  # not of an account as it was before a change

    def _recall_all(self) -> None:
        """All that is claimed and not begun goes back."""
        for lane in self._lanes:
            self._give_back(lane.take_back(lambda _: True))

    def _give_back(self, messages: Iterable[Claimed]) -> None:
        for message in messages:
            self._finisher.put(message, released(message))

    # --- couriers ---

    def _make_courier(self, lane: Lane) -> Courier:
        return Courier(
            lane,
            self._pool,
            self._finisher,
            self._tenure.journal,
            self._tenure.leases,
            self._gate,
            self._clock,
            self._metrics,
            self._settings.retry,
            read_content=self._store.content,
            letter_of=self._preparing.letter_of,
            unprepared=self._preparing.note,
            may_begin=self._may_begin,
            others_wait=self._turns.others_wait,
            is_over=self._turns.is_over,
            connected=self._connected,
            low=self._maybe_low,
            worked=self._worked,
            fault=self._fault,
        )

    def _connected(self, lane: Lane) -> None:
        lane.opening -= 1
        lane.is_proven = True
        self._agenda.revisit(lane)  # it may have more connections now

    def _maybe_low(self, lane: Lane) -> None:
        if self._turns.wants_claim(lane, self._clock.monotonic()):
            self._agenda.revisit(lane)

    def _worked(self, lane: Lane) -> None:
        if self._is_current(lane) and self._pauses.lift(lane):
            self._spawn(self._pauses.record(lane, None), f"pause {lane.key}")
            self._limited.show_again(lane)

    def _fault(self, lane: Lane, why: str) -> None:
        """Its messages go back and lose no try."""
        if self._is_current(lane) and self._pauses.fault(lane, why):
            self._give_back(lane.take_back(lambda _: True))
            self._spawn(self._pauses.record(lane, why), f"pause {lane.key}")
            self._spawn(self._expiry.give_up_old(lane, why), f"give up {lane.key}")

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None] | None:
        """None where the engine has ended, or is being ended: the next start looks anew."""
        try:
            if self._group is not None:
                return self._group.create_task(work, name=name)
        except RuntimeError:  # the group is cancelled, and takes nothing more
            pass
        work.close()
        return None

    # --- after the writing ---

    def _written(self, ended: list[Ended], ours: set[int]) -> None:
        for message, _, _ in ended:
            self._preparing.release(message)
        self._tenure.journal.settled(Attempted(m.pk, m.lease_token) for m, _, _ in ended)
        self._limited.ended([(message, outcome) for message, outcome, _ in ended])
        for entry in ended:
            message, outcome, _ = entry
            self._told.ended(entry, is_ours=outcome.pk in ours)
            self._agenda.written(message, outcome)
