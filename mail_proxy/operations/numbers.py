"""Counts of messages, as the faces show them; read at most once a second for all viewers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mail_proxy.domain.clock import Clock
from mail_proxy.domain.limits import pause_kind
from mail_proxy.domain.state import PENDING, State
from mail_proxy.observe.gauges import Paused, Standing
from mail_proxy.observe.labels import Labels
from mail_proxy.store.base import Store
from mail_proxy.store.values import Account, Count

FRESH_S = 1.0
_REMEMBERED = 1000  # tenants


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits and what became of the rest; of one tenant, or of all.

    oldest_waiting_at: creation of the oldest due message, None when nothing is due.
    """

    by_state: Counter[State]
    by_priority: dict[int, Counter[State]]
    oldest_waiting_at: float | None
    paused: tuple[Account, ...]

    @property
    def pending(self) -> int:
        return sum(self.by_state[state] for state in PENDING)


class Numbers:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str | None, tuple[Queue, float]] = {}

    async def queue(self, tenant_id: str | None) -> Queue:
        """At most a second old; tenant_id None: of all tenants."""
        now = self._clock.monotonic()
        known = self._known.get(tenant_id)
        if known is not None and known[1] > now:
            return known[0]
        queue = await self._read(tenant_id)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[tenant_id] = (queue, now + FRESH_S)
        return queue

    async def pending(self, tenant_id: str | None) -> int:
        """Messages that wait or are on their way, now."""
        counts = await self._store.counts(tenant_id)
        return sum(count.n for count in counts if count.state in PENDING)

    async def standing(self, whose: Callable[[Account], Labels], *, is_active: bool) -> Standing:
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
        by_state, by_priority = _totals(await self._store.counts(tenant_id))
        now = self._clock.now()
        paused = tuple(
            account
            for account in await self._store.list_accounts(tenant_id)
            if account.stopped_at is not None or (account.paused_until or 0.0) > now
        )
        oldest = await self._store.oldest_waiting(tenant_id)
        return Queue(by_state, by_priority, oldest, paused)


def _age(at: float | None, now: float) -> float:
    return 0.0 if at is None else max(0.0, now - at)


def _totals(counts: Sequence[Count]) -> tuple[Counter[State], dict[int, Counter[State]]]:
    by_state: Counter[State] = Counter()
    by_priority: dict[int, Counter[State]] = {}
    for count in counts:
        by_state[count.state] += count.n
        by_priority.setdefault(count.priority, Counter())[count.state] += count.n
    return by_state, by_priority
