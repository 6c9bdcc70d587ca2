"""This daemon's leases: kept while it holds something, and no dot without one that has time left.

All by the monotonic clock: a wall clock that jumps lapses nothing. Peers do not read our clock,
they watch our renewal counter; so we count from the moment a renewal was asked for, they from the
moment they saw it, and the last quarter of the lease lies between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mail_proxy.delivery.not_now import NotNow
from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import StoreError
from mail_proxy.observe import events
from mail_proxy.store import Daemon, Peer, Store

_RETRY_S = 1.0


class Leases:
    """Of one daemon; renewed with a claim when it is time, else by `keep`.

    since: leases claimed before this (monotonic) moment may be another's by now.
    gap: told when a renewal came so late that what is held must go back.
    """

    def __init__(
        self, store: Store, owner: Daemon, lease_s: float, clock: Clock, *, gap: Callable[[], None]
    ) -> None:
        self._store = store
        self._owner = owner
        self._lease_s = lease_s
        self._clock = clock
        self._gap = gap
        self._renewed_at = float("-inf")
        self.since = float("-inf")

    def may_send(self) -> bool:
        """A quarter of the lease is left at least."""
        return self._clock.monotonic() - self._renewed_at <= self._lease_s * 0.75

    def check(self, since: float) -> None:
        """Before a dot of what was held when `since` was read. Raises NotNow."""
        if since != self.since or not self.may_send():
            raise NotNow("the lease has too little time left")

    def due_renewal(self) -> Daemon | None:
        """Who is to be renewed with the next claim; None: the last renewal is young enough."""
        is_due = self._clock.monotonic() - self._renewed_at >= self._lease_s / 4
        return self._owner if is_due else None

    def renewed(self, asked_at: float) -> None:
        """A renewal that was asked for at `asked_at` is committed."""
        if asked_at <= self._renewed_at:
            return
        had_stopped = not self.may_send()
        self._renewed_at = asked_at
        if had_stopped:
            self.since = asked_at
            self._gap()

    async def keep(self, holds: Callable[[], bool]) -> None:
        """Renew every quarter of the lease while `holds`; until cancelled."""
        while True:
            await self._clock.sleep(self._lease_s / 4)
            while holds() and not await self._renew():
                await self._clock.sleep(_RETRY_S)

    async def _renew(self) -> bool:
        asked_at = self._clock.monotonic()
        try:
            await self._store.renew(self._owner)
        except StoreError as error:
            events.store_trouble(where="lease", error=error)
            return False
        except Exception as error:  # noqa: BLE001 - a bug: without a renewal no dot is sent, which is enough
            events.task_broke("lease", error)
            return False
        self.renewed(asked_at)
        return True


class Watch:
    """Which peers are dead: their counter stood still for a whole lease before our eyes."""

    def __init__(self, lease_s: float) -> None:
        self._lease_s = lease_s
        self._seen: dict[str, tuple[int, float]] = {}  # renewals, and since when

    def dead(self, peers: Iterable[Peer], now: float) -> list[str]:
        """Of the peers that hold leases; `now`: monotonic, before they were read."""
        seen = {}
        for peer in peers:
            renewals, since = self._seen.get(peer.daemon_id, (None, now))
            seen[peer.daemon_id] = (peer.renewals, since if renewals == peer.renewals else now)
        self._seen = seen
        return [id_ for id_, (_, since) in seen.items() if now - since >= self._lease_s]
