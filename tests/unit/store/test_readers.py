"""Reads beside the writer: a caller that is gone leaves no connection behind."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from mail_proxy.domain.errors import StoreUnavailable
from mail_proxy.store.readers import Readers
from mail_proxy.store.sqlite.connections import make_new, open_readers
from tests.patience import PATIENCE_S


async def test_a_read_whose_caller_is_cancelled_ends_and_its_connection_is_closed(
    tmp_path: Path,
) -> None:
    make_new(tmp_path / "queue.db")
    engine = open_readers(tmp_path / "queue.db", 1)
    readers = Readers(engine)
    opening, may_open = threading.Event(), threading.Event()
    opened: list[int] = []
    ended: list[int] = []

    def on_connect(*_: object) -> None:
        opened.append(1)
        opening.set()
        may_open.wait(PATIENCE_S)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "close", lambda *_: opened.pop())

    def query(conn: Connection) -> None:
        ended.append(conn.exec_driver_sql("SELECT 7").scalar_one())

    caller = asyncio.ensure_future(readers.read(query))
    await asyncio.to_thread(opening.wait, 5)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    may_open.set()
    await readers.close()

    assert (ended, opened) == ([7], [])
    with pytest.raises(StoreUnavailable):
        await readers.read(query)
