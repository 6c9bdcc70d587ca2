"""Looks at a file of SQLite: what is left of one that failed, or was given up on its way."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from mail_proxy.domain.errors import StoreUnavailable
from mail_proxy_tui.feed.database import Database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "mail.db"
    with sqlite3.connect(made) as connection:
        connection.execute("CREATE TABLE messages (id TEXT)")
    connection.close()
    return made


async def look(path: Path) -> None:
    async with Database(path).opened() as opened:
        await opened.rows("SELECT id FROM messages")


async def test_a_missing_file_is_named_and_leaves_no_thread(tmp_path: Path) -> None:
    threads = threading.active_count()
    for _ in range(20):
        with pytest.raises(StoreUnavailable, match=r"gone\.db cannot be read"):
            await look(tmp_path / "gone.db")
        assert threading.active_count() == threads


@pytest.mark.parametrize("turns", range(12))
async def test_a_look_given_up_at_any_turn_leaves_no_thread(path: Path, turns: int) -> None:
    threads = threading.active_count()
    for _ in range(20):
        looking = asyncio.ensure_future(look(path))
        for _ in range(turns):
            await asyncio.sleep(0)
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        assert threading.active_count() == threads
