"""Messages as they are looked at: filters, pages, and the record of each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from mail_proxy.domain.filters import Order
from mail_proxy.operations.context import Context
from mail_proxy.operations.records import Records
from mail_proxy.operations.searches import cursor_of, place_in, position_in, search_of
from mail_proxy.store.base import Store
from mail_proxy.store.ordering import place_of
from mail_proxy.store.values.messages import Found, MessageFilter, MessageRow, Place, Position
from mail_proxy.wire.messages import ListMessages, MessagePage, MessageRecord

PAGE = 50  # rows in one short read
READ_BYTES = 4 * 2**20  # of contents in memory at one time, or one content that is larger
PAGE_BYTES = 16 * 2**20  # of contents after which a page ends early
MOST_COUNTED = 1000
LOOKS = 8  # windows of rows that are looked at for one page, so that rare matches answer soon too

At = TypeVar("At")


async def list_messages(ctx: Context, request: ListMessages) -> MessagePage:
    """All messages that match, as a stream; with `limit` a page and its next cursor."""
    records = Records(ctx, with_history=request.include_history)
    chosen = search_of(request, now=records.now)
    look: _Look[Any]
    if request.order is Order.TENANT:
        look = _Look(ctx, records, request, _ByTenant(ctx.store, chosen, request.reverse))
    else:
        walk = _ByOrder(ctx.store, chosen, request.order, request.reverse)
        look = _Look(ctx, records, request, walk)
    after = None if request.cursor is None else look.walk.place_in(request.cursor)
    page = await look.page(after, request.limit) if request.limit else look.stream_from(after)
    if request.count:
        n, is_bounded = await ctx.numbers.count(chosen, most=MOST_COUNTED)
        page["count"] = n
        if is_bounded:
            page["count_is_bounded"] = True
    return page


class _Walk(Protocol[At]):
    """Through what matches, in one order."""

    async def read(self, size: int, after: At | None) -> Found[MessageRow, At]: ...
    def place_of(self, row: MessageRow) -> At: ...
    def place_in(self, cursor: str) -> At: ...
    def cursor_of(self, place: At) -> str: ...


@dataclass(frozen=True, slots=True)
class _ByTenant:
    store: Store
    chosen: MessageFilter
    reverse: bool

    async def read(self, size: int, after: Position | None) -> Found[MessageRow, Position]:
        return await self.store.search_messages(
            self.chosen, limit=size, after=after, reverse=self.reverse
        )

    def place_of(self, row: MessageRow) -> Position:
        return row.tenant_id, row.priority, row.pk

    def place_in(self, cursor: str) -> Position:
        return position_in(cursor, self.reverse)

    def cursor_of(self, place: Position) -> str:
        return cursor_of(Order.TENANT, self.reverse, place)


@dataclass(frozen=True, slots=True)
class _ByOrder:
    store: Store
    chosen: MessageFilter
    order: Order
    reverse: bool

    async def read(self, size: int, after: Place | None) -> Found[MessageRow, Place]:
        return await self.store.ordered_messages(
            self.chosen, self.order, limit=size, after=after, reverse=self.reverse
        )

    def place_of(self, row: MessageRow) -> Place:
        return place_of(row, self.order)

    def place_in(self, cursor: str) -> Place:
        return place_in(cursor, self.order, self.reverse)

    def cursor_of(self, place: Place) -> str:
        return cursor_of(self.order, self.reverse, place)


@dataclass(frozen=True, slots=True)
class _Look(Generic[At]):
    """One listing."""

    ctx: Context
    records: Records
    request: ListMessages
    walk: _Walk[At]

    def stream_from(self, after: At | None) -> MessagePage:
        return {"ok": True, "messages": self._stream(after)}

    async def _stream(self, after: At | None) -> AsyncIterator[MessageRecord]:
        async for found in self._reads(after, PAGE):
            async for _, row in self._shown(found.rows):
                yield await self.records.record(row)

    async def page(self, after: At | None, limit: int) -> MessagePage:
        told: list[MessageRecord] = []
        told_bytes = looks = 0
        # A brief row is small, however large its message is.
        size = min(PAGE * 8 if self.request.brief else PAGE, limit + 1)
        async for found in self._reads(after, size):
            async for seen, row in self._shown(found.rows):
                # One more row is there: the page ends before it.
                if len(told) == limit or told_bytes >= PAGE_BYTES:
                    return self._page(told, after)
                told.append(await self.records.record(row))
                told_bytes += 0 if self.request.brief else row.size_bytes
                after = self.walk.place_of(seen)
            looks += len(found.rows) < size
            if looks >= LOOKS and found.after is not None:
                page = self._page(told, found.after)
                return page if len(told) == limit else {**page, "bounded": True}
        return self._page(told, None)

    async def _reads(self, after: At | None, size: int) -> AsyncIterator[Found[MessageRow, At]]:
        while True:
            found = await self.walk.read(size, after)
            yield found
            if found.after is None:
                return
            after = found.after

    async def _shown(self, rows: list[MessageRow]) -> AsyncIterator[tuple[MessageRow, MessageRow]]:
        """Each row, as it was found, and with all its parts; those just deleted are left out.

        Contents are read after the rows, for these may be larger than the memory.
        """
        if self.request.brief:
            for row in rows:
                yield row, row
            return
        for some in _cut(rows):
            ids = [row.id for row in some]
            full = await self.ctx.store.find_messages(some[0].tenant_id, ids, full=True)
            by_pk = {row.pk: row for row in full}
            for row in some:
                if row.pk in by_pk:
                    yield row, by_pk[row.pk]

    def _page(self, found: list[MessageRecord], next_after: At | None) -> MessagePage:
        page: MessagePage = {"ok": True, "messages": found}
        if next_after is not None:
            page["next_cursor"] = self.walk.cursor_of(next_after)
        return page


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
