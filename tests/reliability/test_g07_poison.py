"""G7: a message that breaks its worker is set aside with a reason, and the others go."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.config.lock import daemon_of
from tests.faults.figures import record
from tests.faults.installation import until
from tests.faults.profile import sized

pytestmark = pytest.mark.slow

Sites = Any  # see conftest
TOTAL = sized(300, 1000)
POISON = {
    "no-json": b"\x00\xff",
    "no-object": b"[]",
    "lone-surrogate": b'{"from": "a@x.example", "to": ["b@x.example"], "subject": "\\ud800"}',
    "no-recipient": b'{"from": 7, "to": {}, "subject": null}',
}
KILLER = """
import os, signal
from mail_proxy import compose

real = compose.build

def build(fields, *more):
    if fields["subject"] == "poison":
        os.kill(os.getpid(), signal.SIGKILL)
    return real(fields, *more)

compose.build = build
"""


async def test_g7_what_cannot_be_built_fails_alone(site: Sites) -> None:
    async with site(retry_delays=[0.1], max_retries=2) as here:
        clean_s = await _drain(here, "clean")
        await here.call("suspend")
        await here.post_many(list(POISON))
        with closing(sqlite3.connect(here.instance.database_path, timeout=30)) as conn, conn:
            for id_, payload in POISON.items():
                conn.execute(
                    "UPDATE contents SET payload = ? WHERE message_pk ="
                    " (SELECT pk FROM messages WHERE id = ?)",
                    (payload, id_),
                )
        poisoned_s = await _drain(here, "beside")
        ledger = await here.check(with_reports=True)
        rows = here.query("SELECT id, tries, error FROM messages WHERE state = 'failed'")
    assert ledger.counted == {"sent": 2 * TOTAL, "failed": len(POISON)}
    assert {row[0] for row in rows} == set(POISON)
    assert all(tries == 3 and error for _, tries, error in rows)
    assert poisoned_s <= clean_s / 0.8 + 1.0  # the waits between its tries
    record(
        "G7 unbuildable",
        poison=len(POISON),
        sent=2 * TOTAL,
        clean_s=round(clean_s, 2),
        poisoned_s=round(poisoned_s, 2),
    )


async def _drain(here: Any, name: str) -> float:
    """Seconds that so many new messages take, all queued before."""
    await here.call("suspend")
    await here.post_many([f"{name}{n}" for n in range(TOTAL)])
    began = time.monotonic()
    await here.call("activate")
    await here.until_empty()
    return time.monotonic() - began


async def test_g7_a_message_that_kills_the_daemon_each_time_is_parked(
    site: Sites, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(KILLER)
    path = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    good = [f"m{n}" for n in range(30)]
    async with site(settings={"PYTHONPATH": path}) as here:
        client = here.new_client()
        await here.call("suspend")
        await client.post_until_answered(["poison"])
        await here.post_many(good)
        await here.call("activate")
        deaths = 0

        def is_over() -> bool:
            return _is_dead(here) or not here.open_messages()

        while True:
            await until(is_over)
            if not _is_dead(here):
                break
            deaths += 1
            assert deaths < 10
            await here.start()
        ledger = await here.check()
        (reason,) = here.query("SELECT held_reason FROM messages WHERE id = 'poison'")
    assert ledger.states.pop("poison") == "held"
    assert "died" in reason[0]
    assert set(ledger.states.values()) == {"sent"}
    assert set(ledger.states) == set(good)
    assert deaths == 4
    record("G7 deadly", deaths=deaths, sent=len(good))


def _is_dead(here: Any) -> bool:
    return daemon_of(here.instance.folder) is None
