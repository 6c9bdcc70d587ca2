"""Messages looked at, and those that are searched for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mail_proxy.domain.filters import Order
from mail_proxy.store.values.events import EventRow
from mail_proxy.store.values.messages import Found, Key, MessageFilter, MessageRow, Place, Position


class MessageStore(Protocol):
    """Messages looked at, and those that are searched for."""

    async def search_messages(
        self,
        chosen: MessageFilter,
        *,
        limit: int,
        after: Position | None = None,
        reverse: bool = False,
    ) -> Found[MessageRow, Position]:
        """Up to `limit` of them in that order, in one short read, so there may be fewer."""
        ...

    async def ordered_messages(
        self,
        chosen: MessageFilter,
        order: Order,
        *,
        limit: int,
        after: Place | None = None,
        reverse: bool = False,
    ) -> Found[MessageRow, Place]:
        """The same in another order than by tenant."""
        ...

    async def count_messages(self, chosen: MessageFilter, *, most: int) -> tuple[int, bool]:
        """How many match, up to `most`; and whether there may be more. In one short read."""
        ...

    async def find_messages(
        self, tenant_id: str | None, ids: Sequence[str], *, full: bool = False
    ) -> list[MessageRow]:
        """Messages with one of these caller's ids; `full` adds content and events."""
        ...

    async def get_by_pk(self, pk: int, *, full: bool = False) -> MessageRow | None: ...

    async def message_events(self, tenant_id: str, pk: int) -> list[EventRow]: ...

    async def search_keys(
        self, chosen: MessageFilter, *, limit: int, after: Position | None = None
    ) -> Found[Key, Position]:
        """As `search_messages`, of each message only what names it."""
        ...
