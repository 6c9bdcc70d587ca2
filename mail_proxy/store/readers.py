"""Reads, each on a connection of its own, beside the writer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from mail_proxy.domain.errors import StoreUnavailable
from mail_proxy.store.faults import store_errors

P = ParamSpec("P")
R = TypeVar("R")


class Readers:
    """A few connections; a query is a plain function, the same for every database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._is_open = True

    async def read(
        self, query: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """What `query` returns, all of it as of one moment. Raises StoreError and its kinds."""
        if not self._is_open:
            raise StoreUnavailable("the database is closed")
        with store_errors():
            async with self._engine.connect() as conn:
                return await conn.run_sync(query, *args, **kwargs)

    async def close(self) -> None:
        """Close the connections; called when no read is under way."""
        self._is_open = False
        await self._engine.dispose()
