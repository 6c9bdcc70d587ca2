"""Other daemons on the same store: what one of them held is taken over when it is dead."""

from __future__ import annotations

from collections.abc import Callable

from mail_proxy.delivery.leases import Watch
from mail_proxy.delivery.recovery import Recovery
from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import StoreError
from mail_proxy.observe import events
from mail_proxy.store import Store


class Peers:
    """`recovered` is told after each takeover: there may be something to send."""

    def __init__(
        self,
        store: Store,
        daemon_id: str,
        lease_s: float,
        clock: Clock,
        recovery: Recovery,
        *,
        recovered: Callable[[], None],
    ) -> None:
        self._store = store
        self._daemon_id = daemon_id
        self._lease_s = lease_s
        self._clock = clock
        self._recovery = recovery
        self._recovered = recovered
        self._watch = Watch(lease_s)

    async def watch(self) -> None:
        """Look every quarter of a lease; until cancelled."""
        while True:
            try:
                await self.look()
            except StoreError as error:
                events.store_trouble(where="peers", error=error)
            except Exception as error:  # noqa: BLE001 - a bug in minding others must not stop our mail
                events.task_broke("peers", error)
            await self._clock.sleep(self._lease_s / 4)

    async def look(self) -> None:
        """Take over what the dead hold. Raises StoreError."""
        now = self._clock.monotonic()
        for daemon_id in self._watch.dead(await self._store.peers(self._daemon_id), now):
            events.peer_dead(daemon_id=daemon_id)
            await self._recovery.one(daemon_id)
            self._recovered()
