"""G23: while the database is locked, posts get 503 with Retry-After soon, and nothing is lost."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.domain.reply import Stage
from tests.faults.client import message
from tests.faults.figures import record
from tests.faults.installation import until
from tests.faults.profile import sized
from tests.faults.receiver import copies

pytestmark = pytest.mark.slow

Sites = Any  # see conftest
LOCKED_S = sized(8.0, 30.0)


@contextmanager
def write_lock(database: Path) -> Iterator[None]:
    conn = sqlite3.connect(database, timeout=30, isolation_level=None)
    conn.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        conn.execute("ROLLBACK")
        conn.close()


async def test_g23_a_locked_database_loses_and_doubles_nothing(site: Sites) -> None:
    async with site() as here:
        await here.relay.delay(Stage.DOT, 0.05)
        await here.post_many([f"before{n}" for n in range(200)])
        client = here.new_client()
        with write_lock(here.instance.database_path):
            locked = time.monotonic()
            async with here.session.post(
                f"{here.url}/commands/add-messages",
                json={"messages": [message("meanwhile")]},
                headers={"X-API-Token": here.key},
            ) as answer:
                body = await answer.json()
            answered_s = time.monotonic() - locked
            await asyncio.sleep(LOCKED_S - answered_s)
        freed = time.monotonic()

        async def accepts() -> bool:
            return bool(await client.post(["afterwards"]))

        await until(accepts, timeout_s=10)
        recovered_s = time.monotonic() - freed
        await here.until_empty()
        ledger = await here.check(with_reports=True)
        came = copies(await here.relay.seen())
    assert answer.status == 503, body
    assert int(answer.headers["Retry-After"]) <= 5
    assert answered_s < 6.0  # 5 s, and what a busy machine adds
    assert set(came.values()) == {1}
    assert set(ledger.counted) == {"sent"}
    record(
        "G23", locked_s=LOCKED_S, answered_s=round(answered_s, 1), resumed_s=round(recovered_s, 1)
    )
