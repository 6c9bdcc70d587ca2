"""A reached limit holds an account back until something may leave again; no message is touched.

The store decides at each claim. What is known here spares claims that would find nothing, and shows
in the row of the account why its messages wait.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence

from mail_proxy.delivery.lane import Lane
from mail_proxy.delivery.lanes import Lanes
from mail_proxy.delivery.results import Told
from mail_proxy.delivery.ring import Key
from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import StoreError
from mail_proxy.domain.limits import Reached, Scope
from mail_proxy.observe import events
from mail_proxy.store import Claim, Claimed, Outcome, Store

# While claimed messages fill a limit: another daemon may give some back, and nobody tells us; and
# not each of a tenant's thousand accounts looks whenever one message of it has gone out.
OPEN_LOOK_S = 1.0

_SAME_S = 1.0  # a pause that ends within that of the one that is shown is the same


class Limited:
    """Which lanes wait for a limit.

    note: to look at a lane again at a time of the wall clock; revisit: at once.
    give_back: gets what was claimed and is not to be begun after all.
    claiming: tells the accounts that are claimed for at this moment.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        lanes: Lanes,
        told: Told,
        *,
        note: Callable[[Lane, float], None],
        revisit: Callable[[Lane], None],
        give_back: Callable[[Iterable[Claimed]], None],
        spawn: Callable[[Coroutine[None, None, None], str], object],
        claiming: Callable[[], Collection[Key]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._lanes = lanes
        self._told = told
        self._note = note
        self._revisit = revisit
        self._give_back = give_back
        self._spawn = spawn
        self._claiming = claiming
        self._by_open: dict[Key, Scope] = {}  # lanes held back by what has not ended
        self._missed: set[Key] = set()  # something has ended while they claimed
        self._ways: dict[int, Key] = {}  # pk of what makes way -> for whom

    def claimed(self, lane: Lane, claim: Claim, asked_at: float) -> None:
        """A claim, of that monotonic time, has ended: wait for the limit that it met, if any."""
        self._told.rejected(claim.rejected)
        has_missed = lane.key in self._missed
        self._missed.discard(lane.key)
        if self._lanes.get(lane.key) is not lane:
            return
        if claim.limited is None or claim.next_due_at is None:
            self._lift(lane)
        elif claim.rejected:  # one chunk of them
            self._note(lane, claim.next_due_at)
        elif claim.limited.is_spent:
            self._pause(lane, claim.limited, asked_at)
        else:
            self._wait_for_open(lane, claim.limited, claim.next_due_at, asked_at)
            if has_missed:
                self._look(lane.key)
            elif claim.urgent_waits:
                self._make_way(lane, claim.limited.limit.scope)

    def ended(self, ended: Sequence[tuple[Claimed, Outcome]]) -> None:
        """Attempts have ended: whoever waited for that may look again."""
        claiming = self._claiming()
        if not (self._by_open or claiming):
            return
        accounts, tenants = set(), set()
        for message, outcome in ended:
            way = self._ways.pop(message.pk, None)
            if way is not None and (lane := self._lanes.get(way)) is not None:
                lane.is_urgent = True  # it waits for this place, however much the lane holds
            accounts.add(way or (message.tenant_id, message.account_id))
            if way is None and not outcome.dot_sent:
                tenants.add(message.tenant_id)
        for key, scope in list(self._by_open.items()):
            # Of a tenant's accounts only when there is room: what was sent counts as before.
            if key in accounts or (scope is Scope.TENANT and key[0] in tenants):
                self._look(key)
        self._missed.update(key for key in claiming if key in accounts or key[0] in tenants)

    def lift_all(self, tenant_id: str) -> None:
        """The limits of the tenant have changed."""
        for lane in self._lanes.of_tenant(tenant_id):
            self._lift(lane)
            self._note(lane, self._clock.now())
            self._revisit(lane)

    def _pause(self, lane: Lane, reached: Reached, asked_at: float) -> None:
        assert reached.frees_in_s is not None  # what was sent leaves some day
        self._by_open.pop(lane.key, None)
        lane.limit_until = asked_at + reached.frees_in_s
        until = self._clock.now() - self._clock.monotonic() + lane.limit_until
        self._note(lane, until)
        shown = lane.limit_shown
        if shown is None or shown[1] != reached.words or abs(shown[0] - until) > _SAME_S:
            lane.limit_shown = until, reached.words
            self._show(lane)
            self._told.limit_reached(lane.key, why=reached.words, pause_s=reached.frees_in_s)

    def _wait_for_open(self, lane: Lane, reached: Reached, due_at: float, asked_at: float) -> None:
        self._by_open[lane.key] = reached.limit.scope
        frees_in_s = OPEN_LOOK_S if reached.frees_in_s is None else reached.frees_in_s
        lane.limit_until = asked_at + min(OPEN_LOOK_S, frees_in_s)
        self._note(lane, due_at)

    def _look(self, key: Key) -> None:
        del self._by_open[key]
        lane = self._lanes.get(key)
        if lane is not None:
            lane.limit_until = 0.0
            self._revisit(lane)

    def _lift(self, lane: Lane) -> None:
        """No limit holds the lane back, as far as is known."""
        lane.limit_until = 0.0
        self._by_open.pop(lane.key, None)
        if lane.limit_shown is not None:
            lane.limit_shown = None
            self._show(lane)
            self._told.limit_over(lane.key)

    def _make_way(self, lane: Lane, scope: Scope) -> None:
        """Something of priority 0 waits: the lowest that is claimed and not begun goes back."""
        lanes = [lane] if scope is Scope.ACCOUNT else self._lanes.of_tenant(lane.key[0])
        lowest = max(
            ((m.priority, m.due_at, m.pk, each) for each in lanes if (m := each.lowest())),
            key=lambda found: found[:3],
            default=None,
        )
        if lowest is not None and lowest[0] > 0:
            *_, pk, holder = lowest
            self._ways = {pk: lane.key}  # one at a time: a forgotten one looks a second later
            self._give_back(holder.take_back(lambda message: message.pk == pk))
            if holder is not lane:  # it would only take it back
                self._by_open[holder.key] = scope
                holder.limit_until = self._clock.monotonic() + OPEN_LOOK_S

    def show_again(self, lane: Lane) -> None:
        """The pause of a fault, which stood in its row, is over."""
        if lane.limit_shown is not None:
            self._show(lane)

    def _show(self, lane: Lane) -> None:
        self._spawn(self._record(lane), f"limit {lane.key}")

    async def _record(self, lane: Lane) -> None:
        """Write the pause, or its end, to the row, unless a fault of the account shows there."""
        if lane.paused_until > self._clock.monotonic():
            return
        until, why = lane.limit_shown or (None, None)
        fields = {"paused_until": until, "paused_reason": why}
        try:
            await self._store.change_account(*lane.key, fields, now=self._clock.now())
        except StoreError as error:
            events.store_trouble(where="pause", error=error)
