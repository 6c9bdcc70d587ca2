"""Counts, ages and uses."""

from __future__ import annotations

from mail_proxy.store import numbers
from mail_proxy.store.values.messages import MessageRow
from mail_proxy.store.values.numbers import AccountUse, Standing
from mail_proxy.store.verbs.part import Part


class NumberVerbs(Part):
    """Counts, ages and uses."""

    async def count_pending(self, tenant_id: str | None, batch_code: str | None = None) -> int:
        return await self._readers.read(numbers.count_pending, tenant_id, batch_code)

    async def count_ahead(self, row: MessageRow, *, now: float, most: int) -> int:
        return await self._readers.read(numbers.count_ahead, row, now=now, most=most)

    async def standing(self, tenant_id: str | None = None) -> Standing:
        return await self._readers.read(numbers.standing, tenant_id, now=self._clock.now())

    async def uses(self, tenant_id: str | None = None) -> dict[tuple[str, str], AccountUse]:
        now = self._steady.now()
        return await self._readers.read(numbers.uses, tenant_id, steady_now=now)

    @property
    def commit_s(self) -> float | None:
        return self._writer.turn_s
