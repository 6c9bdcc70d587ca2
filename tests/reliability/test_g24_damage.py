"""G24: a damaged database is noticed at the start; a copy that is made while it runs is whole."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.control.process import start_daemon
from mail_proxy.domain.errors import MailProxyError
from tests.faults.checker import Ledger
from tests.faults.figures import record
from tests.faults.installation import until
from tests.faults.profile import seeded, sized

pytestmark = pytest.mark.slow

Sites = Any  # see conftest


async def test_g24_a_damaged_file_is_refused_at_the_start(site: Sites) -> None:
    chance = seeded("g24")
    async with site() as here:
        await here.call("suspend")
        await here.post_many([f"m{n}" for n in range(500)])
        await here.stop()
        database = here.instance.database_path
        whole = database.read_bytes()
        page = 4096
        pages = len(whole) // page
        for _ in range(sized(3, 20)):
            broken = bytearray(whole)
            for number in chance.sample(range(1, pages), pages // 20):
                broken[number * page : number * page + 100] = chance.randbytes(100)
            database.write_bytes(broken)
            with pytest.raises(MailProxyError, match="damaged"):
                await asyncio.to_thread(start_daemon, here.instance, environ=here.environ)
            assert database.read_bytes() == bytes(broken)  # left as it is, for whoever mends it
        database.write_bytes(whole)
        await here.start()
        await here.check()


async def test_g24_a_copy_made_under_load_has_all_that_was_acknowledged(
    site: Sites, tmp_path: Path
) -> None:
    async with site() as here:
        client = here.new_client()
        is_over = asyncio.Event()

        async def post() -> None:
            n = 0
            while not is_over.is_set():
                await client.post_until_answered([f"m{n}-{k}" for k in range(20)])
                n += 1

        copy = tmp_path / "copy.db"
        async with asyncio.TaskGroup() as group:
            group.create_task(post())
            await until(lambda: len(client.acknowledged) >= 500)
            before = set(client.acknowledged)
            await asyncio.to_thread(_copy, here.instance.database_path, copy)
            is_over.set()
        await here.until_empty()
        await here.check()
        ledger = Ledger.of(copy)
    assert before <= set(ledger.states)
    with closing(sqlite3.connect(copy)) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    record("G24 copy", acknowledged_before=len(before), in_the_copy=len(ledger.states))


def _copy(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30)) as reader,
        closing(sqlite3.connect(target)) as writer,
    ):
        reader.backup(writer)
