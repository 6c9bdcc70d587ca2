"""Who gets no mail; an address as `operations/suppressions.py` writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from mail_proxy.store import suppressions, tenants
from mail_proxy.store.verbs.part import Part, chunks


class SuppressionVerbs(Part):
    """Who gets no mail; an address as `operations/suppressions.py` writes it."""

    async def suppress(
        self, tenant_id: str, reasons: Mapping[str, str | None], *, now: float
    ) -> int | None:
        added = 0
        for some in chunks(list(reasons.items())):
            put = partial(suppressions.suppress, tenant_id=tenant_id, reasons=dict(some), now=now)
            n: int | None = await self._write(tenants.for_tenant, tenant_id, put)
            if n is None:
                return None
            added += n
        return added

    async def unsuppress(self, tenant_id: str, address: str) -> bool:
        return await self._write(suppressions.unsuppress, tenant_id, address)

    async def suppressed(self, tenant_id: str, addresses: Sequence[str]) -> dict[str, str | None]:
        return await self._readers.read(suppressions.suppressed, tenant_id, addresses)

    async def find_suppression(
        self, tenant_id: str, address: str
    ) -> list[suppressions.Suppression]:
        return await self._readers.read(suppressions.find_suppression, tenant_id, address)

    async def list_suppressions(
        self, tenant_id: str, *, after: str, limit: int
    ) -> list[suppressions.Suppression]:
        return await self._readers.read(
            suppressions.list_suppressions, tenant_id, after=after, limit=limit
        )

    async def tenants_with_suppressions(self) -> set[str]:
        return await self._readers.read(suppressions.tenants_with_suppressions)
