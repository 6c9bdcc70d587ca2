"""Objects whose time is over go, and then their rows: in this order, so that none is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import MailProxyError, StoreError
from mail_proxy.domain.stored_file import StoredFile
from mail_proxy.observe import events
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.storage.backends import Backends
from mail_proxy.storage.records import Records
from mail_proxy.storage.uploads import LOOK_AGAIN_S

AT_ONCE = 100  # files in one look
TRY_AGAIN_S = 3600.0


class Removal:
    """What cannot be removed is tried again in an hour, for as long as it takes."""

    def __init__(
        self, records: Records, backends: Backends, clock: Clock, metrics: MailMetrics
    ) -> None:
        self._records = records
        self._backends = backends
        self._clock = clock
        self._metrics = metrics

    async def run(self, is_ended: Callable[[], bool]) -> int:
        """All that is due now; how many are gone. Raises StoreError."""
        gone = 0
        troubled: dict[tuple[str, str], MailProxyError] = {}
        failed: dict[tuple[str, str], int] = {}
        while not is_ended():
            files = await self._records.expired_files(now=self._clock.now(), limit=AT_ONCE)
            if not files:
                break
            for file in files:
                place = (file.tenant_id or str(file.dropped_as), file.location)
                if is_ended():
                    break
                # One that cannot be reached costs minutes a file: the others of it wait too.
                if place not in troubled and (error := await self.remove(file)) is not None:
                    troubled[place] = error
                if place in troubled:
                    failed[place] = failed.get(place, 0) + 1
                    await self._postpone(file, TRY_AGAIN_S)
                else:
                    gone += 1
        for (tenant_id, location), error in troubled.items():
            n = failed[tenant_id, location]
            self._metrics.large_file("not_removed", n)
            events.files_not_removed(tenant_id=tenant_id, n=n, where=location, why=error.detail)
        if gone:
            self._metrics.large_file("removed", gone)
        return gone

    async def remove_now(self, file: StoredFile) -> MailProxyError | None:
        """The same for a file that no mail has a link to."""
        await self._records.end_file(file, now=self._clock.now())
        return await self.remove(file)

    async def remove(self, file: StoredFile) -> MailProxyError | None:
        """None: it is gone, or has got more time; else why not. Raises StoreError."""
        if not await self._records.begin_removal(file, now=self._clock.now()):
            await self._postpone(file, LOOK_AGAIN_S)
            return None
        try:
            auth = await self._auth(file)
            await self._backends.run(
                file.tenant_id or str(file.dropped_as),
                lambda: self._backends.open(file.location, auth).remove(file.key),
            )
        except StoreError:
            raise
        except MailProxyError as error:
            return error
        await self._records.forget_file(file)
        if file.dropped_as:
            await self._records.forget_dropped(file.dropped_as)
        return None

    async def _auth(self, file: StoredFile) -> Mapping[str, Any] | None:
        """The tenant's own, which a deleted one has left in a setting."""
        if file.dropped_as:
            kept: Mapping[str, Any] | None = await self._records.get_setting(file.dropped_as)
            return kept
        tenant = await self._records.get_tenant(file.tenant_id)
        return None if tenant is None else tenant.storage_auth

    async def _postpone(self, file: StoredFile, seconds: float) -> None:
        now = self._clock.now()
        await self._records.postpone_file(file, now=now, at=now + seconds)
