"""When each tenant has its next round. One round a tenant at a time; times are monotonic."""

from __future__ import annotations

import heapq

from mail_proxy.reports.plan import Pause, Urge

FIRST_S = 0.005  # the first event after a calm waits this long for its siblings
COALESCE_S = 0.05  # after that, at most twenty posts a second
_SPARE = 64  # entries of the heap without a use that are not worth tidying up


class Agenda:
    """A plain structure: it tells what is due, somebody else does it."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []  # may hold times that `_due` knows no more
        self._held_until: dict[str, float] = {}  # backoff: an event does not shorten it
        self._begun: dict[str, float] = {}  # the last round
        self._urges: dict[str, Urge] = {}
        self._at_work: set[str] = set()

    def __contains__(self, tenant_id: str) -> bool:
        return tenant_id in self._due or tenant_id in self._at_work

    def wake(self, tenant_id: str, *, now: float) -> bool:
        """Events were written: soon, but not each in a post of its own. True: that is new."""
        calm_from = self._begun.get(tenant_id, now - COALESCE_S) + COALESCE_S
        return self.plan(tenant_id, max(now + FIRST_S, calm_from))

    def plan(self, tenant_id: str, at: float) -> bool:
        """At `at`, unless it is held longer or planned earlier. True: that changed something."""
        at = max(at, self._held_until.get(tenant_id, at))
        planned = self._due.get(tenant_id)
        if planned is not None and planned <= at:
            return False
        self._set(tenant_id, at)
        return True

    def urge(self, tenant_id: str, urge: Urge, *, now: float) -> None:
        """Now, whatever was planned."""
        self._held_until.pop(tenant_id, None)
        self._urges[tenant_id] = max(urge, self._urges.get(tenant_id, urge))
        self._set(tenant_id, now)

    def take(self, *, now: float) -> list[tuple[str, Urge]]:
        """Tenants that are due, the longest first; they are at work until `end`."""
        taken = []
        while (at := self.next_at()) is not None and at <= now:
            _, tenant_id = heapq.heappop(self._heap)
            del self._due[tenant_id]
            self._at_work.add(tenant_id)
            self._begun[tenant_id] = now
            taken.append((tenant_id, self._urges.pop(tenant_id, Urge.TIMER)))
        return taken

    def end(self, tenant_id: str, pause: Pause, *, now: float) -> None:
        """A round is over. What was asked for during it stays, save that a hold holds it too."""
        self._at_work.discard(tenant_id)
        self._held_until.pop(tenant_id, None)
        at = self._due.get(tenant_id)
        if pause.delay_s is not None:
            then = now + pause.delay_s
            if pause.holds and tenant_id not in self._urges:
                self._held_until[tenant_id] = at = then
            else:
                at = then if at is None else min(at, then)
        if at is None:
            self._begun.pop(tenant_id, None)
        else:
            self._set(tenant_id, at)

    def next_at(self) -> float | None:
        """When the first tenant that is not at work is due."""
        while self._heap:
            at, tenant_id = self._heap[0]
            if self._due.get(tenant_id) == at and tenant_id not in self._at_work:
                return at
            heapq.heappop(self._heap)  # planned anew since, or `end` will put it back
        return None

    def _set(self, tenant_id: str, at: float) -> None:
        self._due[tenant_id] = at
        heapq.heappush(self._heap, (at, tenant_id))
        if len(self._heap) > 2 * len(self._due) + _SPARE:
            # Times that were planned anew leave by themselves when they come, which may be never.
            self._heap = [(at, tenant_id) for tenant_id, at in self._due.items()]
            heapq.heapify(self._heap)
