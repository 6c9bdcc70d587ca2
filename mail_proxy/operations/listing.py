"""Messages as they are looked at: filters, pages, and the record of each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from mail_proxy.operations.context import Context
from mail_proxy.operations.records import Records
from mail_proxy.operations.searches import cursor_of, position_in, search_of
from mail_proxy.store.values import Found, MessageFilter, MessageRow, Position
from mail_proxy.wire.messages import ListMessages, MessagePage, MessageRecord

PAGE = 50  # rows in one short read
READ_BYTES = 4 * 2**20  # of contents in memory at one time, or one content that is larger
PAGE_BYTES = 16 * 2**20  # of contents after which a page ends early
LOOKS = 8  # windows of rows that are looked at for one page, so that rare matches answer soon too


async def list_messages(ctx: Context, request: ListMessages) -> MessagePage:
    """All messages that match, as a stream; with `limit` a page and its next cursor."""
    records = Records(ctx, with_history=request.include_history)
    look = _Look(ctx, search_of(request, now=records.now), records)
    after = None if request.cursor is None else position_in(request.cursor)
    if request.limit is None:
        return {"ok": True, "messages": look.stream(after)}
    return await look.page(after, request.limit)


@dataclass(frozen=True, slots=True)
class _Look:
    """One listing."""

    ctx: Context
    chosen: MessageFilter
    records: Records

    async def stream(self, after: Position | None) -> AsyncIterator[MessageRecord]:
        async for found in self._reads(after, PAGE):
            async for row in self._full(found.rows):
                yield await self.records.record(row)

    async def page(self, after: Position | None, limit: int) -> MessagePage:
        told: list[MessageRecord] = []
        told_bytes = looks = 0
        size = min(PAGE, limit + 1)
        async for found in self._reads(after, size):
            async for row in self._full(found.rows):
                # One more row is there: the page ends before it.
                if len(told) == limit or told_bytes >= PAGE_BYTES:
                    return _page(told, after)
                told.append(await self.records.record(row))
                told_bytes += row.size_bytes
                after = (row.tenant_id, row.priority, row.pk)
            looks += len(found.rows) < size
            if looks >= LOOKS and found.after is not None:
                page = _page(told, found.after)
                return page if len(told) == limit else {**page, "bounded": True}
        return _page(told, None)

    async def _reads(self, after: Position | None, size: int) -> AsyncIterator[Found[MessageRow]]:
        while True:
            found = await self.ctx.store.search_messages(self.chosen, limit=size, after=after)
            yield found
            if found.after is None:
                return
            after = found.after

    async def _full(self, rows: list[MessageRow]) -> AsyncIterator[MessageRow]:
        """The same rows with all their parts; those just deleted are left out.

        Contents are read after the rows, for these may be larger than the memory.
        """
        for some in _cut(rows):
            ids = [row.id for row in some]
            full = await self.ctx.store.find_messages(some[0].tenant_id, ids, full=True)
            by_pk = {row.pk: row for row in full}
            for row in some:
                if row.pk in by_pk:
                    yield by_pk[row.pk]


def _cut(rows: list[MessageRow]) -> Iterator[list[MessageRow]]:
    """Runs of rows of one tenant whose contents fit into memory together."""
    run: list[MessageRow] = []
    run_bytes = 0
    for row in rows:
        is_other = bool(run) and run[0].tenant_id != row.tenant_id
        if run and (is_other or run_bytes + row.size_bytes > READ_BYTES):
            yield run
            run, run_bytes = [], 0
        run.append(row)
        run_bytes += row.size_bytes
    if run:
        yield run


def _page(found: list[MessageRecord], next_after: Position | None) -> MessagePage:
    page: MessagePage = {"ok": True, "messages": found}
    if next_after is not None:
        page["next_cursor"] = cursor_of(next_after)
    return page
