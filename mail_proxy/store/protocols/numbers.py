"""Counts, ages and uses."""

from __future__ import annotations

from typing import Protocol

from mail_proxy.store.values.messages import MessageRow
from mail_proxy.store.values.numbers import AccountUse, Standing


class NumberStore(Protocol):
    """Counts, ages and uses."""

    async def count_pending(self, tenant_id: str | None, batch_code: str | None = None) -> int:
        """Messages of all, of a tenant, or of one of its batches, that wait or are on their way."""
        ...

    async def count_ahead(self, row: MessageRow, *, now: float, most: int) -> int:
        """Waiting messages of its account that go before a due one; counted up to `most`."""
        ...

    async def standing(self, tenant_id: str | None = None) -> Standing:
        """The queue in numbers; costs no more with many messages than with few."""
        ...

    async def uses(self, tenant_id: str | None = None) -> dict[tuple[str, str], AccountUse]:
        """What accounts use of themselves and their limits, by tenant and account."""
        ...

    @property
    def commit_s(self) -> float | None:
        """What a transaction takes of late, with its sync; None before the first."""
        ...
