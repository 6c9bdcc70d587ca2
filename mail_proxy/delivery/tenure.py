"""What entitles this daemon to send: a journal to write to, and a lease with time left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mail_proxy.config.settings import DeliverySettings
from mail_proxy.delivery.journal import Journal
from mail_proxy.delivery.leases import Leases
from mail_proxy.delivery.peers import Peers
from mail_proxy.delivery.recovery import Recovery
from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import StoreError
from mail_proxy.observe import events
from mail_proxy.store import Store

_LAST_S = 5.0  # to ask, at the end, whether anything is leased to us


class Tenure:
    """The journal's owner is this daemon. recovery: given where others share the store.

    gap: told when all that is held must go back. recovered: told when a peer's messages are free.
    """

    def __init__(
        self,
        store: Store,
        journal: Journal,
        settings: DeliverySettings,
        clock: Clock,
        recovery: Recovery | None,
        *,
        gap: Callable[[], None],
        recovered: Callable[[], None],
    ) -> None:
        self.journal = journal
        self.leases = Leases(store, journal.owner, settings.lease_s, clock, gap=gap)
        self.peers: Peers | None = None
        self._store = store
        self._daemon_id = journal.owner.daemon_id
        if recovery is not None:
            self.peers = Peers(
                store, self._daemon_id, settings.lease_s, clock, recovery, recovered=recovered
            )

    def may_send(self) -> bool:
        """As far as is known now; each dot asks again."""
        return self.journal.is_writable and self.leases.may_send()

    async def keep(self, holds: Callable[[], bool]) -> None:
        """Renew while `holds`, and watch the peers; until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.leases.keep(holds), name="leases")
            if self.peers is not None:
                group.create_task(self.peers.watch(), name="peers")

    async def end(self) -> None:
        """The journal goes where the store holds no lease of ours; else the next start reads it."""
        is_free = False
        try:
            async with asyncio.timeout(_LAST_S):
                if not await self._store.leases(self._daemon_id, limit=1):
                    await self._store.forget_daemons(self._daemon_id)
                    is_free = True
        except (StoreError, TimeoutError) as error:
            events.store_trouble(where="leases", error=error)
        finally:
            self.journal.close(remove=is_free)
