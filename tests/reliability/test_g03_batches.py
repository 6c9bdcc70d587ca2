"""G3: a batch is answered message by message; after a 5xx nothing of it was kept."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from tests.faults.client import message

pytestmark = pytest.mark.slow

Sites = Any  # see conftest
BAD: list[dict[str, Any]] = [
    {"to": []},
    {"to": ["no address"]},
    {"to": ["a@x.example\r\nRCPT TO:<b@x.example>"]},
    {"from": "nobody"},
    {"subject": "two\r\nBcc: eve@x.example"},
    {"deferred_ts": "soon"},
    {"body": "nul \x00"},
    {"priority": "soonish"},
    {"account_id": "absent"},
    {"headers": {"X-Note": "a\nb"}},
]


async def test_g3_bad_messages_spoil_no_good_ones(site: Sites) -> None:
    batch = [message(f"m{n}") for n in range(1000)]
    for n in range(50):
        batch[n * 20] |= BAD[n % 10]
    async with site() as here:
        await here.call("suspend")
        async with here.session.post(
            f"{here.url}/commands/add-messages",
            json={"messages": batch},
            headers={"X-API-Token": here.key},
        ) as answer:
            told = await answer.json()
        stored = {row[0] for row in here.query("SELECT id FROM messages")}
    assert answer.status == 200, told
    assert told["queued"] == 950
    assert [entry["id"] for entry in told["rejected"]] == [f"m{n * 20}" for n in range(50)]
    assert all(entry["reason"] for entry in told["rejected"])
    assert stored == {f"m{n}" for n in range(1000) if n % 20}


async def test_g3_after_an_error_of_the_database_nothing_of_the_batch_is_there(
    site: Sites,
) -> None:
    ids = [f"m{n}" for n in range(1000)]
    async with site() as here:
        await here.call("suspend")
        _run(
            here,
            "CREATE TRIGGER fails BEFORE INSERT ON messages WHEN NEW.id = 'm500'"
            " BEGIN SELECT RAISE(ABORT, 'injected'); END",
        )
        async with here.session.post(
            f"{here.url}/commands/add-messages",
            json={"messages": [message(id_) for id_ in ids]},
            headers={"X-API-Token": here.key},
        ) as answer:
            told = await answer.json()
        kept = here.query("SELECT count(*) FROM messages")[0][0]
        contents = here.query("SELECT count(*) FROM contents")[0][0]
        _run(here, "DROP TRIGGER fails")
        client = here.new_client()
        assert await client.post(ids)
        after = here.query("SELECT count(*) FROM messages")[0][0]
    assert answer.status >= 500
    assert told["ok"] is False
    assert (kept, contents) == (0, 0)
    assert after == 1000


def _run(here: Any, statement: str) -> None:
    with sqlite3.connect(here.instance.database_path, timeout=30) as conn:
        conn.execute(statement)
    conn.close()
