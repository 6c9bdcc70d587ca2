"""G4: every accepted message ends in exactly one final state, and is reported (G26), over kills."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mail_proxy.domain.reply import Stage
from tests.faults.figures import record
from tests.faults.nemesis import Nemesis
from tests.faults.profile import seeded, sized

pytestmark = pytest.mark.slow

Sites = Any  # see conftest


async def test_g4_every_message_ends_once_over_kills_and_freezes(site: Sites) -> None:
    harm = sized(5, 20)
    async with site(retry_delays=[0.2], max_retries=20) as here:
        await here.relay.script(
            {"at": Stage.RCPT, "reply": "550 5.1.1 no such user", "recipient": "bad@x.example"},
            {
                "at": Stage.RCPT,
                "reply": "451 4.7.1 later",
                "recipient": "late@x.example",
                "left": 9,
            },
            {"at": Stage.DOT, "delay_s": 0.02},
        )
        nemesis = Nemesis(here, seeded("g4"))
        is_over = asyncio.Event()

        async def post() -> None:
            client = here.new_client()
            n = 0
            while not is_over.is_set():
                to = ["bad", "late", "good", "good", "good"][n % 5] + "@x.example"
                await client.post_until_answered([f"m{n}"], to=[to])
                n += 1
                await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as group:
            group.create_task(post())
            await nemesis.haunt(harm, 0.05, sized(0.6, 2.0))
            is_over.set()
        await here.until_empty()
        ledger = await here.check(with_reports=True)
    states = ledger.counted
    assert set(states) <= {"sent", "failed"}
    assert sum(states.values()) == len(here.acknowledged)
    failed = {id_ for id_, state in ledger.states.items() if state == "failed"}
    assert failed == {id_ for id_ in ledger.states if int(id_[1:]) % 5 == 0}
    record("G4", harm=" ".join(nemesis.harm), **states, in_doubt=sum(ledger.doubts().values()))
