"""Reads, each on a connection of its own in a thread of its own, beside the writer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine

from mail_proxy.domain.errors import StoreUnavailable
from mail_proxy.store.faults import store_errors

P = ParamSpec("P")
R = TypeVar("R")


class Readers:
    """A few threads, one hop for a whole read however many statements it has."""

    def __init__(self, engine: Engine, threads: int) -> None:
        self._engine = engine
        self._is_closed = False
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="store reader")

    async def read(
        self, query: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """What `query` returns, all of it as of one moment. Raises StoreError and its kinds."""
        if self._is_closed:
            raise StoreUnavailable("the database is closed")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: self._run(query, *args, **kwargs))

    def _run(
        self, query: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        with store_errors(), self._engine.connect() as conn:
            return query(conn, *args, **kwargs)

    async def close(self) -> None:
        """End when the last read has."""
        self._is_closed = True
        await asyncio.to_thread(self._threads.shutdown)
        self._engine.dispose()
