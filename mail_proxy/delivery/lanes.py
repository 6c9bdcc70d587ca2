"""All accounts that have something to send: whose turn it is, and when to look again.

Decides only; the engine claims and connects. Memory is bounded by the number of active lanes, each
with at most one claim's worth of messages, whatever the queue holds.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from mail_proxy.delivery.lane import Lane
from mail_proxy.delivery.ring import Key, Ring


class Lanes:
    """Lanes by key, a ring of those that want a connection or a claim, timers for the others."""

    def __init__(self, *, most_connections: int, per_account: int, low_water: int) -> None:
        self.most_active = 2 * most_connections
        self._per_account = per_account
        self._low_water = low_water
        self._lanes: dict[Key, Lane] = {}
        self._ring = Ring()
        self._timers: list[tuple[float, Key]] = []
        self._is_crowded = False
        self._busy: set[Key] = set()  # lanes that were active when last seen

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

    def has_place(self, lane: Lane) -> bool:
        """The lane may claim: few enough lanes hold messages in memory.

        While others wait for a place, those that have one end what they hold and claim no more.
        """
        if lane.is_active:
            return not self._is_crowded
        self._busy = {key for key in self._busy if self._is_active(key)}
        self._is_crowded = len(self._busy) >= self.most_active
        return not self._is_crowded

    def mark_busy(self, lane: Lane) -> None:
        self._busy.add(lane.key)

    def _is_active(self, key: Key) -> bool:
        lane = self._lanes.get(key)
        return lane is not None and lane.is_active

    @property
    def others_wait(self) -> bool:
        """Some account is ready and has no connection, or may not claim yet."""
        return bool(self._ring)

    def consider(self, lane: Lane, now: float) -> None:
        """Queue a lane for its turn, set its timer, or forget it."""
        if self._lanes.get(lane.key) is not lane:
            return
        if self.is_ready(lane, now):
            self._ring.push(lane.key)
            return
        at = lane.wake_at()
        if at is not None and at > now:
            self._set_timer(lane, at)
        elif at is None and not lane.is_active and not lane.failures:
            self.drop(lane.key)

    def _set_timer(self, lane: Lane, at: float) -> None:
        if lane.timer_at is None or at < lane.timer_at:
            lane.timer_at = at
            heapq.heappush(self._timers, (at, lane.key))

    def is_ready(self, lane: Lane, now: float) -> bool:
        return lane.wants_claim(now, self._low_water) or self.wants_connection(lane, now)

    def wants_connection(self, lane: Lane, now: float) -> bool:
        return lane.wants_connection(now, self._per_account)

    def wants_claim(self, lane: Lane, now: float) -> bool:
        return lane.wants_claim(now, self._low_water)

    def fire_timers(self, now: float) -> None:
        """Consider every lane whose time has come."""
        while self._timers and self._timers[0][0] <= now:
            _, key = heapq.heappop(self._timers)
            lane = self._lanes.get(key)
            if lane is not None:
                lane.timer_at = None
                self.consider(lane, now)

    def next_timer(self) -> float | None:
        return self._timers[0][0] if self._timers else None

    def turns(self) -> Iterator[Lane]:
        """Each lane that stands in the ring now, once, in order; it leaves the ring."""
        seen: set[Key] = set()
        while (key := self._ring.pop()) is not None:
            if key in seen:
                self._ring.push(key)
                return
            seen.add(key)
            lane = self._lanes.get(key)
            if lane is not None:
                yield lane
