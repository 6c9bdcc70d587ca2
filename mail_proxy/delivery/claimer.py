"""Takes due messages of an account under lease; a few tasks, one for each account at most."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from mail_proxy.config.settings import DeliverySettings
from mail_proxy.delivery.lane import Lane, Need
from mail_proxy.delivery.leases import Leases
from mail_proxy.delivery.ring import Key
from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import StoreError
from mail_proxy.domain.message import LOWEST_PRIORITY
from mail_proxy.observe import events
from mail_proxy.store import Claim, Store

BLOCKED_LOOK_S = 30.0  # due, and not to be had: suspended, inactive
STORE_PAUSE_S = 1.0


class Claimer:
    """`keep` gets what was claimed and when that was asked for (monotonic), `note` when to look
    again, `revisit` that a claim has ended.

    limit: gets each claim, for the limits that it met; where there is one it notes when to look.
    """

    def __init__(
        self,
        store: Store,
        settings: DeliverySettings,
        clock: Clock,
        daemon_id: str,
        leases: Leases,
        *,
        keep: Callable[[Lane, Claim, float], None],
        limit: Callable[[Lane, Claim, float], None],
        note: Callable[[Lane, float], None],
        revisit: Callable[[Lane], None],
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._daemon_id = daemon_id
        self._leases = leases
        self._keep = keep
        self._limit = limit
        self._note = note
        self._revisit = revisit
        self._tasks: dict[asyncio.Task[None], Key] = {}
        self._barred: Counter[str] = Counter()  # tenants of which nothing may be claimed now

    def claiming(self) -> Collection[Key]:
        """The accounts for which claims are under way."""
        return self._tasks.values()

    def may_claim(self, lane: Lane) -> bool:
        return lane.key[0] not in self._barred

    @contextmanager
    def barred(self, tenant_id: str) -> Iterator[None]:
        """Nothing of the tenant is claimed meanwhile."""
        self._barred[tenant_id] += 1
        try:
            yield
        finally:
            self._barred[tenant_id] -= 1
            if not self._barred[tenant_id]:
                del self._barred[tenant_id]

    def start(self, lane: Lane, group: asyncio.TaskGroup) -> None:
        need = lane.need(
            self._clock.monotonic(),
            connections=self._settings.max_connections_per_account,
            most=self._settings.batch_size_per_account,
        )
        lane.is_claiming = True
        lane.is_urgent = False
        lane.look_at = None  # a wake-up while we claim sets it again
        task = group.create_task(self._claim(lane, need), name=f"claim {lane.key}")
        self._tasks[task] = lane.key
        task.add_done_callback(self._tasks.pop)

    async def settle(self, is_meant: Callable[[Key], bool] = lambda _: True) -> None:
        """Wait for the claims under way of these accounts, also for lanes that were dropped."""
        tasks = [task for task, key in self._tasks.items() if is_meant(key)]
        if tasks:
            await asyncio.wait(tasks)

    async def _claim(self, lane: Lane, need: Need) -> None:
        now = self._clock.now()
        asked_at = self._clock.monotonic()
        renewal = self._leases.due_renewal()
        try:
            claim = await self._store.claim(
                *lane.key, **need._asdict(), now=now, daemon=self._daemon_id, renewal=renewal
            )
        except StoreError as error:
            events.store_trouble(where="claim", error=error)
            lane.note_due(self._clock.monotonic() + STORE_PAUSE_S)
            return
        except Exception as error:  # noqa: BLE001 - a bug ends this claim; the next one may do better
            events.task_broke("claim", error)
            lane.note_due(self._clock.monotonic() + BLOCKED_LOOK_S)
            return
        finally:
            lane.is_claiming = False
            self._revisit(lane)
        if renewal is not None:
            self._leases.renewed(asked_at)
        lane.pace.claimed(
            len(claim.messages), with_content=sum(m.content is not None for m in claim.messages)
        )
        is_full = len(claim.messages) == need.limit
        if is_full and claim.messages[-1].priority == 0:
            lane.is_urgent = True  # more of them may wait
        self._keep(lane, claim, asked_at)
        self._limit(lane, claim, asked_at)
        if claim.next_due_at is not None and claim.limited is None:
            has_found = claim.messages or claim.rejected or need.lowest < LOWEST_PRIORITY
            is_blocked = not has_found and claim.next_due_at <= now
            self._note(lane, now + BLOCKED_LOOK_S if is_blocked else claim.next_due_at)
