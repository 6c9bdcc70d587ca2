"""Who gets no mail; an address as `operations/suppressions.py` writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from mail_proxy.store.suppressions import Suppression


class SuppressionStore(Protocol):
    """Who gets no mail; an address as `operations/suppressions.py` writes it."""

    async def suppress(
        self, tenant_id: str, reasons: Mapping[str, str | None], *, now: float
    ) -> int | None:
        """Put each address on the list, with its reason; how many are new. None: no such tenant."""
        ...

    async def unsuppress(self, tenant_id: str, address: str) -> bool: ...

    async def suppressed(self, tenant_id: str, addresses: Sequence[str]) -> dict[str, str | None]:
        """Those that are on the list, with the reason."""
        ...

    async def find_suppression(self, tenant_id: str, address: str) -> list[Suppression]: ...

    async def list_suppressions(
        self, tenant_id: str, *, after: str, limit: int
    ) -> list[Suppression]:
        """By address, beyond `after`."""
        ...

    async def tenants_with_suppressions(self) -> set[str]: ...
