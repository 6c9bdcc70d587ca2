"""The engine itself is killed in the middle of an attempt; the next one takes over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from mail_proxy.delivery.segments import Attempt, read_trails
from mail_proxy.domain.reply import Stage
from mail_proxy.domain.state import State
from mail_proxy.store import Outcome
from tests.delivery.heir import Heir, abandon
from tests.patience import PATIENCE_S, until

House = Any


async def states(house: House, *ids: str) -> list[State]:
    return [(await house.row(id_)).state for id_ in ids]


@pytest.mark.parametrize(
    ("stage", "policy", "state"),
    [
        (Stage.MAIL, "hold", State.WAITING),
        (Stage.RCPT, "hold", State.WAITING),
        (Stage.DATA, "hold", State.WAITING),
        (Stage.DOT, "hold", State.IN_DOUBT),
        (Stage.DOT, "resend", State.WAITING),
    ],
)
async def test_an_engine_that_dies_while_the_server_is_silent(
    house: House, stage: Stage, policy: str, state: State
) -> None:
    await house.add_account("main", in_doubt=policy)
    house.relay.hang(stage)
    engine = house.make_engine()
    running = asyncio.ensure_future(engine.run())
    await house.post("m1")
    await until_asked(house, stage)
    await abandon(house, running)

    heir = Heir(house)
    await heir.recover()

    assert await states(house, "m1") == [state]
    for claimed in await heir.claim():
        assert claimed.lapses == 0  # a silent server is no fault of the message


async def until_asked(house: House, stage: Stage) -> None:
    word = {Stage.MAIL: "MAIL", Stage.RCPT: "RCPT", Stage.DATA: "DATA", Stage.DOT: "DATA"}[stage]
    await until(lambda: any(c.line.startswith(word) for c in house.relay.commands))
    if stage is Stage.DOT:
        await until(lambda: any(a.dotted for a in attempts(house)))


def attempts(house: House) -> Iterable[Attempt]:
    return [a for trail in read_trails(house.journal_dir).values() for a in trail.attempts.values()]


async def test_a_250_that_was_read_is_recorded_and_not_sent_again(house: House) -> None:
    """Killed between the reply and the commit."""
    finished = asyncio.Event()

    async def never(outcomes: Sequence[Outcome], *, now: float) -> set[int]:
        finished.set()
        await asyncio.Event().wait()
        return set()

    real, house.store.finish = house.store.finish, never
    running = asyncio.ensure_future(house.make_engine().run())
    await house.post("m1", "m2", "m3")
    await house.relay.wait_for(3)
    async with asyncio.timeout(PATIENCE_S):
        await finished.wait()
    await until(lambda: sum(1 for a in attempts(house) if a.replied) == 3)
    house.store.finish = real
    await abandon(house, running)
    assert await states(house, "m1", "m2", "m3") == [State.LEASED] * 3

    await Heir(house).recover()

    assert await states(house, "m1", "m2", "m3") == [State.SENT] * 3
    house.make_engine()
    async with house.running():
        await house.post("m4")
        assert await house.statuses(1) == ["sent"]
    assert house.relay.count == 4
