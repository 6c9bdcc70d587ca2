"""All accounts that have something to send: whose turn it is, and when to look again.

Decides only; the engine claims and connects. A lane is active while messages of it are in memory,
or about to be; the others wait for a place among these.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterator

from mail_proxy.delivery.lane import Lane
from mail_proxy.delivery.ring import Key, Ring

_SLACK = 100  # timers that are of no use any more, whatever the number of lanes


class Lanes:
    """Lanes by key; a ring of active ones that want something, one of the others, and timers."""

    def __init__(self, *, per_account: int) -> None:
        """per_account: connections, where the account says nothing."""
        self._per_account = per_account
        self._lanes: dict[Key, Lane] = {}
        self._ring = Ring()
        self._newcomers = Ring()
        self._timers: list[tuple[float, Key]] = []
        self._active: set[Key] = set()  # when last seen

    def __iter__(self) -> Iterator[Lane]:
        return iter(list(self._lanes.values()))

    def of_tenant(self, tenant_id: str) -> list[Lane]:
        return [lane for key, lane in self._lanes.items() if key[0] == tenant_id]

    def get(self, key: Key) -> Lane | None:
        return self._lanes.get(key)

    def add(self, lane: Lane) -> None:
        self._lanes[lane.key] = lane

    def drop(self, key: Key) -> None:
        self._lanes.pop(key, None)

    def numbers(self) -> dict[str, int]:
        """What is under way and what is held, of all lanes."""
        lanes = self._lanes.values()
        return {
            "in_flight": sum(lane.running for lane in lanes),
            "claimed": sum(lane.held for lane in lanes),
            "accounts_with_work": len(lanes),
        }

    # --- places in memory ---

    def mark_active(self, lane: Lane) -> None:
        self._active.add(lane.key)

    def active(self) -> list[Lane]:
        """Those that hold a place."""
        lanes = [lane for key in self._active if (lane := self._lanes.get(key)) is not None]
        held = [lane for lane in lanes if lane.is_active]
        self._active = {lane.key for lane in held}
        return held

    def places(self) -> Counter[str]:
        """Active lanes by tenant."""
        return Counter(lane.key[0] for lane in self.active())

    # --- turns ---

    @property
    def others_wait(self) -> bool:
        """Some account is ready, and waits for a connection or for a place."""
        return bool(self._ring or self._newcomers)

    def other_tenants_wait(self, tenant_id: str) -> bool:
        return self._ring.has_others(tenant_id) or self._newcomers.has_others(tenant_id)

    def consider(self, lane: Lane, now: float) -> None:
        """Queue a lane for its turn, set its timer, or forget it."""
        if self._lanes.get(lane.key) is not lane:
            return
        if self.wants_connection(lane, now) or lane.wants_claim(now):
            (self._ring if lane.is_active else self._newcomers).push(lane.key)
            return
        at = lane.wake_at()
        if at is not None and at > now:
            self._set_timer(lane, at)
        elif at is None and not lane.is_active and not lane.failures:
            self.drop(lane.key)

    def wants_connection(self, lane: Lane, now: float) -> bool:
        return lane.wants_connection(now, self._per_account)

    def turns(self) -> Iterator[Lane]:
        """Each active lane that stands in the ring now, once, in order; it leaves the ring."""
        seen: set[Key] = set()
        while (key := self._ring.pop()) is not None:
            if key in seen:
                self._ring.push(key)
                return
            seen.add(key)
            lane = self._lanes.get(key)
            if lane is not None:
                yield lane

    def next_newcomer(self, refused: Collection[str]) -> Lane | None:
        """The next that waits for a place, of another tenant than these; it leaves the ring."""
        while (key := self._newcomers.pop(refused)) is not None:
            lane = self._lanes.get(key)
            if lane is not None:
                return lane
        return None

    def refuse(self, newcomer: Lane) -> None:
        """It is the first of its tenant the next time."""
        self._newcomers.push_first(newcomer.key)

    # --- timers ---

    def _set_timer(self, lane: Lane, at: float) -> None:
        if lane.timer_at is None or at < lane.timer_at:
            lane.timer_at = at
            heapq.heappush(self._timers, (at, lane.key))
            if len(self._timers) > 2 * len(self._lanes) + _SLACK:
                self._drop_overtaken()

    def _drop_overtaken(self) -> None:
        """A timer that a nearer one has overtaken stays behind it, and may be far ahead."""
        at_of = {key: lane.timer_at for key, lane in self._lanes.items()}
        self._timers = [(at, key) for key, at in at_of.items() if at is not None]
        heapq.heapify(self._timers)

    def fire_timers(self, now: float) -> None:
        """Consider every lane whose time has come."""
        while self._timers and self._timers[0][0] <= now:
            at, key = heapq.heappop(self._timers)
            lane = self._lanes.get(key)
            if lane is not None and lane.timer_at == at:
                lane.timer_at = None
                self.consider(lane, now)

    def next_timer(self) -> float | None:
        return self._timers[0][0] if self._timers else None
