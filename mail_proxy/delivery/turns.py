"""Gives connections and claims to the accounts whose turn it is, so that no tenant starves another.

A tenant has at most half of the connections while other tenants wait, and some are kept for tenants
that hold none (`domain/shares.py`). The same goes for places: accounts with messages in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from mail_proxy.delivery.claimer import Claimer
from mail_proxy.delivery.couriers import Couriers
from mail_proxy.delivery.lane import Lane
from mail_proxy.delivery.lanes import Lanes
from mail_proxy.domain.shares import Shares
from mail_proxy.store import Claimed

PLACES = 2  # for each connection: while one account sends, another one's claim is prepared


class Turns:
    """`may_begin`: connections may be opened; `again`: asks for another round soon."""

    def __init__(
        self,
        lanes: Lanes,
        couriers: Couriers,
        claimer: Claimer,
        *,
        connections: int,
        may_begin: Callable[[], bool],
        give_back: Callable[[Iterable[Claimed]], None],
        again: Callable[[], None],
    ) -> None:
        self._lanes = lanes
        self._couriers = couriers
        self._claimer = claimer
        self._connections = Shares(connections)
        self._places = Shares(PLACES * connections)
        self._may_begin = may_begin
        self._give_back = give_back
        self._again = again
        self._refused: set[str] = set()  # tenants that wait for a place

    def take(self, now: float, group: asyncio.TaskGroup) -> None:
        """One round: each lane that wants something gets at most one connection and one claim."""
        served: list[Lane] = []
        passed_over: list[Lane] = []
        for lane in self._lanes.turns():
            got_one = self._connect(lane, now, group)
            (served if got_one else passed_over).append(lane)
            may_claim = lane.is_active and not self._is_to_make_room(lane)
            if may_claim and self.wants_claim(lane, now):
                self._claimer.start(lane, group)
        served += self._seat_newcomers(now, group)
        for lane in passed_over + served:  # who got nothing stays in front of who got something
            self._lanes.consider(lane, now)

    def wants_claim(self, lane: Lane, now: float) -> bool:
        return self._claimer.may_claim(lane) and lane.wants_claim(now)

    def others_wait(self) -> bool:
        return self._lanes.others_wait

    def is_over(self, lane: Lane) -> bool:
        """Its tenant has more than its share of the connections, and others wait."""
        tenant_id = lane.key[0]
        held = self._couriers.of_tenant(tenant_id)
        return self._connections.is_over(held) and self._lanes.other_tenants_wait(tenant_id)

    def _connect(self, lane: Lane, now: float, group: asyncio.TaskGroup) -> bool:
        if not self._lanes.wants_connection(lane, now) or not self._may_begin():
            return False
        tenant_id = lane.key[0]
        others_wait = self._lanes.other_tenants_wait(tenant_id)
        held = self._couriers.of_tenant(tenant_id)
        if not self._connections.may_take(held, len(self._couriers), others_wait=others_wait):
            return False
        self._couriers.start(lane, group)
        self._again()  # it may want another one: after everybody else has had a turn
        return True

    # --- places ---

    def _seat_newcomers(self, now: float, group: asyncio.TaskGroup) -> list[Lane]:
        """Claim for lanes that hold nothing, as far as there are places; all that were served."""
        served: list[Lane] = []
        refused: set[str] = set()
        while (lane := self._lanes.next_newcomer(refused)) is not None:
            if not self.wants_claim(lane, now):
                served.append(lane)
            elif self._has_place(lane):
                served.append(lane)
                self._lanes.mark_active(lane)
                self._claimer.start(lane, group)
            else:
                self._lanes.refuse(lane)
                refused.add(lane.key[0])
        if self._refused - refused:
            self._again()  # somebody claims no more for a tenant that waits no more
        self._refused = refused
        return served

    def _has_place(self, lane: Lane) -> bool:
        tenant_id = lane.key[0]
        others_wait = self._lanes.other_tenants_wait(tenant_id)
        held = self._lanes.places()
        if self._places.may_take(held[tenant_id], held.total(), others_wait=others_wait):
            return True
        if not self._places.may_take(held[tenant_id], held.total() - 1, others_wait=True):
            return False
        return self._free_a_place(tenant_id)

    def _free_a_place(self, tenant_id: str) -> bool:
        """Take back what is held for a lane without a connection, of a tenant with too much."""
        held = self._lanes.places()
        for lane in self._lanes.active():
            other = lane.key[0]
            is_idle = not lane.running and not lane.is_claiming
            if other != tenant_id and is_idle and self._places.is_over(held[other]):
                self._give_back(lane.take_back(lambda _: True))
                return True
        return False

    def _is_to_make_room(self, lane: Lane) -> bool:
        """It ends what it holds and claims no more: others of its tenant, or others, have none."""
        if not self._refused:
            return False
        tenant_id = lane.key[0]
        return tenant_id in self._refused or self._places.is_over(self._lanes.places()[tenant_id])
