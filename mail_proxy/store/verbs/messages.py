"""Messages looked at, and those that are searched for."""

from __future__ import annotations

from collections.abc import Sequence

from mail_proxy.domain.filters import Order
from mail_proxy.store import counted, messages, ordering, searching
from mail_proxy.store.values.events import EventRow
from mail_proxy.store.values.messages import Found, Key, MessageFilter, MessageRow, Place, Position
from mail_proxy.store.verbs.part import Part, chunks

PAGE = 200  # rows in one read: a few milliseconds


class MessageVerbs(Part):
    """Messages looked at, and those that are searched for."""

    async def search_messages(
        self,
        chosen: MessageFilter,
        *,
        limit: int,
        after: Position | None = None,
        reverse: bool = False,
    ) -> Found[MessageRow, Position]:
        return await self._search(
            searching.search_page,
            chosen,
            limit=limit,
            after=after,
            reverse=reverse,
        )

    async def ordered_messages(
        self,
        chosen: MessageFilter,
        order: Order,
        *,
        limit: int,
        after: Place | None = None,
        reverse: bool = False,
    ) -> Found[MessageRow, Place]:
        return await self._search(
            ordering.ordered_page, chosen, order, limit=limit, after=after, reverse=reverse
        )

    async def count_messages(self, chosen: MessageFilter, *, most: int) -> tuple[int, bool]:
        return await self._search(counted.count_messages, chosen, most=most)

    async def find_messages(
        self, tenant_id: str | None, ids: Sequence[str], *, full: bool = False
    ) -> list[MessageRow]:
        return [
            message
            for some in chunks(ids)
            for message in await self._readers.read(
                messages.find_messages, tenant_id, some, full=full
            )
        ]

    async def get_by_pk(self, pk: int, *, full: bool = False) -> MessageRow | None:
        return await self._readers.read(messages.get_by_pk, pk, full=full)

    async def message_events(self, tenant_id: str, pk: int) -> list[EventRow]:
        return await self._readers.read(messages.message_events, tenant_id, pk)

    async def search_keys(
        self, chosen: MessageFilter, *, limit: int, after: Position | None = None
    ) -> Found[Key, Position]:
        return await self._search(searching.search_keys, chosen, limit=limit, after=after)
