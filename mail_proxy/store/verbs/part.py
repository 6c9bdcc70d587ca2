"""What the verbs of all nouns stand on: who writes, who reads, and in which portions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from mail_proxy.domain.clock import Clock
from mail_proxy.secrets import Keyring
from mail_proxy.store.readers import READERS, Readers
from mail_proxy.store.sqlite.accept import accept
from mail_proxy.store.steady import Steady
from mail_proxy.store.turn import Lane
from mail_proxy.store.writer import Writer

P = ParamSpec("P")
R = TypeVar("R")

ADMIN_WEIGHT = 125  # two of them in a turn: what they do is not known, some rows or hundreds
AT_ONCE = 500  # ids or keys in one statement


class Part:
    """A part of the store on SQLite: it hands each of its verbs to the writer or to a reader."""

    def __init__(
        self, writer: Writer, readers: Readers, keyring: Keyring, clock: Clock, steady: Steady
    ) -> None:
        self._writer = writer
        self._readers = readers
        self._keyring = keyring
        self._clock = clock
        self._steady = steady
        self._replacing = asyncio.Lock()  # of the encryption key
        self._accept = partial(accept, keyring=keyring)  # one object: jobs of one verb are batched
        self._searches = asyncio.Semaphore(READERS - 1)  # one is left for the mail, at any time

    async def _write(
        self, work: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """What `work` returns, in a savepoint of its own, committed."""
        result: R = await self._writer.do(
            Lane.ADMIN,
            _run_each,
            lambda conn: work(conn, *args, **kwargs),
            weight=ADMIN_WEIGHT,
        )
        return result

    async def _search(
        self, work: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """A read that may take long, as a filter says."""
        async with self._searches:
            return await self._readers.read(work, *args, **kwargs)


def chunks(items: Sequence[R], size: int = AT_ONCE) -> list[Sequence[R]]:
    """In portions of at most `size`."""
    return [items[i : i + size] for i in range(0, len(items), size)]


def _run_each(conn: Connection, works: Sequence[Callable[[Connection], Any]]) -> list[Any]:
    return [work(conn) for work in works]
