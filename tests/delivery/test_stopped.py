"""An account that a person has paused sends nothing, whoever wakes it, until it is resumed."""

from __future__ import annotations

from typing import Any

from mail_proxy.domain.reply import Stage
from mail_proxy.domain.state import State

House = Any


async def change(house: House, **fields: Any) -> None:
    """As the operations do it: the row first, then the engine."""
    await house.store.change_account("acme", "main", fields, now=house.clock.now())
    await house.engine.refresh("acme", "main")


async def test_what_waits_stays_and_what_is_on_the_wire_ends(house: House) -> None:
    house.relay.delay(Stage.DOT, 0.05)
    async with house.running() as engine:
        await house.add_account(max_connections=1)
        await house.post(*[f"m{n}" for n in range(20)])
        await house.relay.wait_for(2)
        await change(house, stopped_at=1.0)
        began = house.relay.count
        await house.post("late")
        engine.run_now(None)
        engine.wake_all()
        await engine.recall(None)
        row = await house.row("late")
        assert row.state is State.WAITING
        assert house.relay.count <= began + 1  # the one whose dot was on its way
        held = [await house.row(f"m{n}") for n in range(20)]
        assert {row.tries for row in held if row.state is State.WAITING} == {0}

        await change(house, stopped_at=None)
        await house.relay.wait_for(21)


async def test_a_restart_does_not_end_the_pause(house: House) -> None:
    async with house.running():
        await house.add_account()
        await change(house, stopped_at=1.0)
        await house.post("m1")
    house.make_engine()
    async with house.running() as engine:
        engine.wake_all()
        await engine.recall(None)
        assert (await house.row("m1")).state is State.WAITING
        assert house.relay.connections == 0
        await change(house, stopped_at=None)
        await house.relay.wait_for(1)
