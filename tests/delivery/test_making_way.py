"""Priority 0 overtakes also where a limit is all claimed: the lowest not begun makes way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mail_proxy.delivery import Engine
from mail_proxy.domain.state import State
from mail_proxy.smtp import Session
from tests.patience import PATIENCE_S, until

House = Any


class Gate:
    """Something waits here until it is let through."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def passed(self) -> None:
        self.reached.set()
        async with asyncio.timeout(PATIENCE_S):
            await self.opened.wait()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """The first message waits at it, begun and not sent."""
    made, real = Gate(), Session.send

    async def send(session: Session, *args: Any, **how: Any) -> Any:
        if not made.reached.is_set():
            await made.passed()
        return await real(session, *args, **how)

    monkeypatch.setattr(Session, "send", send)
    return made


async def test_priority_0_takes_the_place_of_the_lowest_that_has_not_begun(
    house: House, gate: Gate
) -> None:
    await house.add_account(limit_per_day=10)
    house.make_engine(max_connections_per_account=1)
    async with house.running() as engine:
        await house.post(*[f"low{n}" for n in range(10)])
        await gate.reached.wait()
        for name in ("urgent1", "urgent2"):
            await house.post(name, priority=0, wakes=False)
            engine.wake("acme", "main", is_urgent=True)
            await until_held(house, engine, name)
        gate.opened.set()
        await house.until_limited()
    order = [key.split()[0] for key in house.relay.copies]
    assert order == ["low0", "urgent1", "urgent2", *(f"low{n}" for n in range(1, 8))]
    assert (await house.row("low9")).state is State.WAITING


async def test_many_of_priority_0_take_as_many_places(house: House, gate: Gate) -> None:
    await house.add_account(limit_per_day=10)
    house.make_engine(max_connections_per_account=1)
    async with house.running() as engine:
        await house.post(*[f"low{n}" for n in range(10)])
        await gate.reached.wait()
        urgent = [f"urgent{n}" for n in range(12)]
        await house.post(*urgent, priority=0, wakes=False)
        engine.wake("acme", "main", is_urgent=True)
        await until_held(house, engine, "urgent8")
        gate.opened.set()
        await house.until_limited()
    assert [key.split()[0] for key in house.relay.copies] == ["low0", *urgent[:9]]


async def test_priority_0_takes_the_place_of_another_accounts_message(
    house: House, gate: Gate
) -> None:
    limits = {"rate_limits": {"daily": 4}}
    await house.store.change_tenant("acme", limits, now=house.clock.now())
    await house.add_account("other")
    house.make_engine(max_connections_per_account=1)
    async with house.running() as engine:
        await house.post(*[f"low{n}" for n in range(4)])
        await gate.reached.wait()
        await house.post("urgent", priority=0, account_id="other", wakes=False)
        engine.wake("acme", "other", is_urgent=True)
        await house.statuses(1)
        gate.opened.set()
        await house.statuses(4)
        house.clock.advance(1)  # another account's end is not told to each of the tenant's
        engine.wake_all()
        await house.until_limited()
    assert {key.split()[0] for key in house.relay.copies} == {"low0", "low1", "low2", "urgent"}


async def until_held(house: House, engine: Engine, id_: str) -> None:
    """Until it is claimed, and the engine, which hears of that a moment later, holds nine again."""

    async def is_leased() -> bool:
        return (await house.row(id_)).state is State.LEASED

    await until(is_leased)
    await until(lambda: engine.snapshot()["claimed"] == 9)
