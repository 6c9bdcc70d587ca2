"""G9: a kill loses nothing, and doubles only what nobody can know: a dot was sent, no reply read.

The receiver is held at one step, the daemon is killed there, and what the receiver saw at that
moment bounds what may be in doubt.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.script import Moment
from tests.faults.figures import record
from tests.faults.nemesis import Nemesis
from tests.faults.profile import seeded, sized
from tests.faults.receiver import copies, unread
from tests.faults.receiver_process import Seen

pytestmark = pytest.mark.slow

Sites = Any  # see conftest
KILLS = sized(3, 20)
HELD_S = 0.7
LONG_BODY = "A line of a long letter, of which there are many more to come.\n" * 200_000  # 13 MB


@dataclass(slots=True)
class Tally:
    """hits: kills at which the receiver was at the step. window: what it saw there, by id.

    known: how many messages earlier rounds have told of.
    """

    hits: int = 0
    window: Counter[str] = field(default_factory=Counter)
    known: int = 0

    def add(self, seen: list[Seen], killed_at: float) -> None:
        self.window += unread(seen[self.known :], killed_at)
        self.known = len(seen)


async def _kill(here: Any, tally: Tally, phase: str | None = None) -> None:
    """Kill, let the receiver go on until it has noticed, and take down what it saw.

    phase: the step at which it is held; it counts when it is there still, after the kill.
    """
    killed_at = time.monotonic()
    await here.kill()
    if phase is not None:
        tally.hits += phase in (await here.relay.state()).phases
    await here.relay.script()
    await here.relay.until_left()
    tally.add(await here.relay.seen(), killed_at)


async def _go_on(here: Any, tally: Tally) -> None:
    """Start again, and send what is left in peace."""
    await here.start()
    await here.until_empty()
    await here.relay.disconnect_idle()
    tally.known = (await here.relay.state()).count


async def _books(here: Any, step: str, tally: Tally) -> None:
    """Let it run dry, and check."""
    await here.until_empty()
    ledger = await here.check(with_reports=True)
    doubts = ledger.doubts()
    uncounted = doubts - tally.window
    record(
        f"G9 killed {step}",
        kills=tally.hits,
        messages=len(ledger.states),
        lost=0,
        in_doubt=doubts.total(),
        seen_in_the_window=tally.window.total(),
        second_copies=sum(n - 1 for n in copies(await here.relay.seen()).values()),
    )
    assert tally.hits >= KILLS
    assert not uncounted, f"in doubt, and the receiver was elsewhere: {uncounted}"
    assert ledger.counted == {"sent": len(here.acknowledged)}


@pytest.mark.parametrize(
    ("step", "places"),
    [
        ("before MAIL", [Stage.CONNECT, Stage.MAIL]),
        ("before the 354", [Stage.DATA]),
        ("after the dot", [Stage.DOT]),
    ],
)
async def test_g9_kills_at_a_step_double_only_what_is_in_doubt(
    site: Sites, step: str, places: list[Stage]
) -> None:
    tally = Tally()
    async with site(retry_delays=[0.2], max_retries=20) as here:
        for round_ in range(6 * KILLS):  # a busy machine may miss the moment
            place = places[round_ % len(places)]
            await here.relay.delay(place, HELD_S)
            await here.post_many([f"m{round_}-{n}" for n in range(12)])
            await here.relay.until(lambda state, place=place: place.value in state.phases)
            await _kill(here, tally, place.value)
            await _go_on(here, tally)
            if tally.hits == KILLS:
                break
        await _books(here, step, tally)


async def test_g9_kills_in_the_body_double_nothing(site: Sites) -> None:
    """The letter is longer than what the system takes in advance: its dot has not left."""
    tally = Tally()
    async with site(retry_delays=[0.2], max_retries=20) as here:
        for round_ in range(6 * KILLS):  # a busy machine may miss the moment
            await here.relay.delay(Moment.BODY, 6 * HELD_S)  # a kill may take a while
            await here.post_many([f"m{round_}"], body=LONG_BODY)
            await here.relay.until(lambda state: "body" in state.phases)
            await _kill(here, tally, "body")
            await _go_on(here, tally)
            if tally.hits == KILLS:
                break
        await _books(here, "in the body", tally)
        assert set(copies(await here.relay.seen()).values()) == {1}


async def test_g9_what_was_accepted_and_not_committed_is_not_sent_again(site: Sites) -> None:
    """Another process holds the write lock, so replies are read and results wait."""
    tally = Tally()
    certain: set[str] = set()
    async with site(retry_delays=[0.2], max_retries=20, max_connections=2) as here:
        for round_ in range(KILLS):
            await here.call("suspend")
            await here.post_many([f"m{round_}-{n}" for n in range(20)])
            await here.relay.delay(Stage.MAIL, 0.1)
            before = (await here.relay.state()).count
            await here.call("activate")
            await here.relay.until(lambda state: "mail" in state.phases)  # so it has claimed
            async with _write_lock(here):
                held_from = len(await here.relay.seen())
                await here.relay.until_count(max(before, held_from) + 6)
                await _kill(here, tally)
            seen = await here.relay.seen()
            read = {mail.id for mail in seen[held_from:] if mail.followed}
            uncommitted = {
                row[0] for row in here.query("SELECT id FROM messages WHERE state = 'leased'")
            }
            tally.hits += bool(read & uncommitted)
            certain |= read
            await _go_on(here, tally)
        await _books(here, "with the 250 read and not committed", tally)
        came = copies(await here.relay.seen())
        assert {came[id_, "ann@example.com"] for id_ in certain} == {1}


async def test_g9_kills_at_any_time_under_load(site: Sites) -> None:
    kills, total = sized(5, 100), sized(500, 10_000)
    async with site(retry_delays=[0.2], max_retries=20, max_connections=10) as here:
        await here.relay.script({"at": Stage.DOT, "delay_s": 0.02})
        nemesis = Nemesis(here, seeded("g9"))
        client = here.new_client()

        async def post() -> None:
            for first in range(0, total, 50):
                await client.post_until_answered([f"m{n}" for n in range(first, first + 50)])

        async with asyncio.TaskGroup() as group:
            group.create_task(post())
            for _ in range(kills):
                await nemesis.kill(0.05, sized(0.5, 1.0))
        await here.until_empty(timeout_s=300)
        ledger = await here.check(with_reports=True)
        doubled = sum(n - 1 for n in copies(await here.relay.seen()).values())
    assert ledger.counted == {"sent": total}
    doubts = ledger.doubts().total()
    record("G9 at any time", kills=kills, messages=total, lost=0, in_doubt=doubts, doubled=doubled)
    assert doubled <= doubts <= kills * 10


@asynccontextmanager
async def _write_lock(here: Any) -> AsyncIterator[None]:
    """Nobody else can commit meanwhile."""
    conn = await asyncio.to_thread(_begin, here.instance.database_path)
    try:
        yield
    finally:
        conn.close()


def _begin(database: Any) -> sqlite3.Connection:
    conn = sqlite3.connect(database, timeout=30, isolation_level=None, check_same_thread=False)
    conn.execute("BEGIN IMMEDIATE")
    return conn
