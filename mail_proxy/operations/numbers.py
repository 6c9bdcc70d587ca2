"""Counts of messages, as the faces show them; read at most once a second for all viewers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from mail_proxy.domain.clock import Clock
from mail_proxy.domain.filters import Filter
from mail_proxy.domain.limits import pause_kind
from mail_proxy.domain.state import PENDING, State
from mail_proxy.observe.gauges import Paused, Standing
from mail_proxy.observe.labels import Labels
from mail_proxy.store.base import Store
from mail_proxy.store.values.messages import MessageFilter
from mail_proxy.store.values.numbers import AccountPause, AccountUse

T = TypeVar("T")
FRESH_S = 1.0
_REMEMBERED = 1000  # tenants, and filters
_COUNTED_AGAIN = 20  # times as long as it took


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits and what became of the rest; of one tenant, or of all.

    deferred: of the waiting ones those that are not due or whose account is paused, by priority;
    is_deferred_bounded: there may be more. oldest_waiting_at: creation of the oldest due message,
    None when nothing is due. next_due_at: when the next one becomes due. lag_s: what a turn of the
    event loop took.
    """

    by_state: Counter[State]
    by_priority: dict[int, Counter[State]]
    deferred: Mapping[int, int]
    is_deferred_bounded: bool
    oldest_waiting_at: float | None
    next_due_at: float | None
    paused: tuple[AccountPause, ...]
    lag_s: float

    @property
    def pending(self) -> int:
        return sum(self.by_state[state] for state in PENDING)


class _Kept(Generic[T]):
    """Values by tenant, None for all; each is read once for all who ask within FRESH_S."""

    def __init__(self, clock: Clock, read: Callable[[str | None], Awaitable[T]]) -> None:
        self._clock = clock
        self._read = read
        self._known: dict[str | None, tuple[T, float]] = {}
        self._reading = asyncio.Lock()

    async def get(self, tenant_id: str | None) -> T:
        if (known := self._fresh(tenant_id)) is not None:
            return known[0]
        async with self._reading:  # who has waited finds what the one before has read
            if (known := self._fresh(tenant_id)) is not None:
                return known[0]
            until = self._clock.monotonic() + FRESH_S
            value = await self._read(tenant_id)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[tenant_id] = (value, until)
            return value

    def _fresh(self, tenant_id: str | None) -> tuple[T, float] | None:
        known = self._known.get(tenant_id)
        return known if known is not None and known[1] > self._clock.monotonic() else None


class Numbers:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._queues = _Kept(clock, self._read)
        self._uses = _Kept(clock, store.uses)
        self._counts: dict[tuple[str | None, Filter], tuple[tuple[int, bool], float]] = {}

    async def queue(self, tenant_id: str | None) -> Queue:
        """At most a second old; tenant_id None: of all tenants."""
        return await self._queues.get(tenant_id)

    async def uses(self, tenant_id: str | None) -> Mapping[tuple[str, str], AccountUse]:
        """What accounts use of themselves and their limits; at most a second old."""
        return await self._uses.get(tenant_id)

    async def count(self, chosen: MessageFilter, *, most: int) -> tuple[int, bool]:
        """How many match, up to `most`, and whether there may be more.

        Viewers ask for the same again and again. What took long is told again for a while, so that
        counting takes at most a twentieth of a thread.
        """
        key = (chosen.tenant_id, chosen.terms)
        began = self._clock.monotonic()
        known = self._counts.get(key)
        if known is not None and known[1] > began:
            return known[0]
        found = await self._store.count_messages(chosen, most=most)
        now = self._clock.monotonic()
        if len(self._counts) >= _REMEMBERED:
            self._counts.clear()
        self._counts[key] = (found, now + _COUNTED_AGAIN * (now - began))
        return found

    async def standing(
        self, whose: Callable[[AccountPause], Labels], *, is_active: bool
    ) -> Standing:
        """Of all tenants, for the metrics; `whose`: the labels of an account."""
        queue = await self.queue(None)
        now = self._clock.now()
        unreported_at = await self._store.oldest_unreported()
        return Standing(
            {
                (state, priority): n
                for priority, counts in queue.by_priority.items()
                for state, n in counts.items()
            },
            _age(queue.oldest_waiting_at, now),
            _age(unreported_at, now),
            [Paused(whose(a), pause_kind(a.paused_reason)) for a in queue.paused],
            is_active,
        )

    async def _read(self, tenant_id: str | None) -> Queue:
        lag_s = await self._turn_s()
        found = await self._store.standing(tenant_id)
        by_state: Counter[State] = Counter()
        by_priority: dict[int, Counter[State]] = {}
        for state, priority, n in found.totals:
            by_state[state] += n
            by_priority.setdefault(priority, Counter())[state] += n
        return Queue(
            by_state,
            by_priority,
            found.deferred,
            found.is_deferred_bounded,
            found.oldest_waiting_at,
            found.next_due_at,
            tuple(found.paused),
            lag_s,
        )

    async def _turn_s(self) -> float:
        """How long whoever is ready has to wait: one turn of the event loop, measured."""
        began = self._clock.monotonic()
        await asyncio.sleep(0)
        return self._clock.monotonic() - began


def _age(at: float | None, now: float) -> float:
    return 0.0 if at is None else max(0.0, now - at)
