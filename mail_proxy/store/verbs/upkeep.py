"""What the clock does with messages, their files, and the space that they took."""

from __future__ import annotations

from collections.abc import Sequence

from mail_proxy.domain.message import PRIORITIES
from mail_proxy.store import ending, moving, numbers, removing, spool_names
from mail_proxy.store.sqlite import shrinking
from mail_proxy.store.values.changes import Ending
from mail_proxy.store.values.messages import MessageRow
from mail_proxy.store.verbs.part import AT_ONCE, Part, chunks

ENDINGS_AT_ONCE = 100  # in one transaction: each takes three statements


class UpkeepVerbs(Part):
    """What the clock does with messages, their files, and the space that they took."""

    async def set_back(self, seconds: float, *, now: float) -> None:
        for account in await self._readers.read(numbers.ready_accounts):
            for priority in PRIORITIES.values():
                place = moving.Place(account.tenant_id, account.account_id, priority, now)
                while rows := await self._readers.read(moving.rows_to_redate, place):
                    pks = [row.pk for row in rows]
                    await self._write(moving.redate, place.tenant_id, pks, seconds, after=now)
                    place = place._replace(due_at=rows[-1].due_at, pk=rows[-1].pk)

    async def expired(self, *, now: float, limit: int) -> list[MessageRow]:
        return await self._readers.read(ending.expired, now=now, limit=limit)

    async def overdue(
        self, tenant_id: str, account_id: str, *, before: float, limit: int
    ) -> list[MessageRow]:
        return await self._readers.read(
            ending.overdue, tenant_id, account_id, before=before, limit=limit
        )

    async def end_messages(self, endings: Sequence[Ending], *, now: float) -> set[int]:
        ended: set[int] = set()
        for some in chunks(endings, ENDINGS_AT_ONCE):
            ended |= await self._write(ending.end_messages, some, now=now)
        return ended

    async def cleanup_messages(
        self, tenant_id: str | None, *, before: float, limit: int | None = None
    ) -> int:
        removed = 0
        for each in await self._readers.read(removing.tenants_to_clean, tenant_id):
            after: removing.Position | None = None
            while limit is None or removed < limit:
                size = AT_ONCE if limit is None else min(AT_ONCE, limit - removed)
                after, pks = await self._readers.read(
                    removing.find_old, each, before=before, after=after, limit=size
                )
                if after is None:
                    break
                if pks:
                    removed += await self._write(removing.remove_old, each, pks, before=before)
        return removed

    async def cleanup_commands(self, *, before: float, limit: int | None = None) -> int:
        removed = 0
        for each in await self._readers.read(removing.tenants_with_commands, before=before):
            while limit is None or removed < limit:
                size = AT_ONCE if limit is None else min(AT_ONCE, limit - removed)
                n = await self._write(removing.remove_commands, each, before=before, limit=size)
                if not n:
                    break
                removed += n
        return removed

    async def spooled(self, names: Sequence[str]) -> set[str]:
        return {
            name
            for some in chunks(names)
            for name in await self._readers.read(spool_names.named_in_rows, some)
        }

    async def spool_garbage(self, *, limit: int) -> list[str]:
        return await self._readers.read(spool_names.find_garbage, limit=limit)

    async def forget_spool_garbage(self, names: Sequence[str]) -> None:
        for some in chunks(names):
            await self._write(spool_names.forget_garbage, some)

    async def free_pages(self) -> tuple[int, int]:
        return await self._readers.read(shrinking.free_pages)

    async def shrink(self, pages: int) -> None:
        await self._write(shrinking.shrink, pages)
