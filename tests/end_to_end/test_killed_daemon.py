"""kill -9 in the last steps of a delivery: the journal tells what the server has."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import aiohttp
import pytest

from mail_proxy.domain.reply import Stage
from tests.faults.installation import Installation, until

pytestmark = pytest.mark.slow

Running = Any  # see conftest


def journal_text(main: Installation) -> str:
    folder = main.instance.folder / "journal"
    return "".join(path.read_text() for path in folder.iterdir())


@contextmanager
def locked(main: Installation) -> Iterator[None]:
    """Nothing can be committed meanwhile."""
    with closing(sqlite3.connect(main.instance.database_path, isolation_level=None)) as conn:
        conn.execute("BEGIN IMMEDIATE")
        yield
        conn.execute("ROLLBACK")


async def send_one(main: Installation) -> None:
    async with aiohttp.ClientSession() as session:
        await main.post(session, ["m1"])


@pytest.mark.parametrize("in_doubt", ["resend", "hold"])
async def test_a_250_that_was_read_and_not_committed_is_recorded_and_not_sent_again(
    running: Running, in_doubt: str
) -> None:
    async with running(in_doubt=in_doubt) as main:
        main.relay.delay(Stage.DOT, 0.5)
        await send_one(main)
        await until(lambda: '["D"' in journal_text(main))
        with locked(main):
            await until(lambda: '["R"' in journal_text(main))
            await main.kill()
        assert main.query("SELECT state FROM messages") == [("leased",)]

        await main.start()
        await main.until_empty()

        assert await main.statuses() == {"sent": 1}
        assert main.relay.count == 1
        assert await main.metric("gmp_in_doubt_total") == 0


async def test_what_is_in_doubt_after_a_kill_is_held_where_the_account_says_so(
    running: Running,
) -> None:
    async with running(in_doubt="hold") as main:
        main.relay.hang(Stage.DOT)
        await send_one(main)
        await main.relay.wait_for(1)
        await main.kill()
        main.relay.obey()

        await main.start()
        await main.until_empty()

        assert await main.statuses() == {"in_doubt": 1}
        assert main.relay.count == 1
        assert await main.metric("gmp_in_doubt_total") == 1


async def test_a_command_recovers_where_no_daemon_runs(running: Running) -> None:
    async with running(in_doubt="hold") as main:
        main.relay.hang(Stage.DOT)
        await send_one(main)
        await main.relay.wait_for(1)
        await main.kill()

        listed = await listed_by_the_command(main)

        assert [message["status"] for message in listed] == ["in_doubt"]
        assert journal_text(main) == ""
        await main.start()


async def listed_by_the_command(main: Installation) -> list[dict[str, Any]]:
    words = [sys.executable, "-m", "mail_proxy", "myserver", "acme", "messages", "list", "--json"]
    process = await asyncio.create_subprocess_exec(
        *words, env=main.environ, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    listed: list[dict[str, Any]] = json.loads(out)
    return listed


async def test_a_clean_stop_leaves_no_journal(running: Running) -> None:
    async with running() as main:
        await send_one(main)
        await main.until_empty()
        assert '["H"' in journal_text(main)
        await main.stop()
        assert journal_text(main) == ""
        assert main.query("SELECT count(*) FROM daemons") == [(0,)]
        await main.start()
