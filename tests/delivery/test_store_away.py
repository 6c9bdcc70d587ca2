"""What the engine does while results cannot be written, and while it is told to do nothing."""

from __future__ import annotations

from typing import Any

import pytest

from mail_proxy.domain.errors import StoreError, StoreUnavailable
from mail_proxy.domain.reply import Stage
from mail_proxy.domain.state import State

House = Any


async def test_stopping_ends_though_the_store_is_away(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.make_engine(stop_grace_s=0.05)

    async def away(*_: object, **__: object) -> set[int]:
        raise StoreUnavailable("the database is locked")

    monkeypatch.setattr(house.store, "finish", away)
    async with house.running():
        await house.post("m1")
        await house.relay.wait_for(1)
    monkeypatch.undo()
    assert (await house.row("m1")).state is State.LEASED  # the next start takes it back


async def test_a_result_that_the_database_refuses_spares_the_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = house.store.finish

    async def picky(outcomes: Any, *, now: float) -> set[int]:
        rows = {(await house.row(id_)).pk for id_ in ("bad",)}
        if any(outcome.pk in rows for outcome in outcomes):
            raise StoreError("a value that no column takes")
        return set(await finish(outcomes, now=now))

    monkeypatch.setattr(house.store, "finish", picky)
    async with house.running():
        await house.post("m1", "bad", "m2", "m3")
        await house.until(lambda: len(house.results) == 3)
    assert {result["id"] for result in house.results} == {"m1", "m2", "m3"}


async def test_in_test_mode_the_end_of_a_pause_sends_nothing(house: House) -> None:
    house.make_engine(test_mode=True)
    house.relay.answer(Stage.CONNECT, "421 4.7.0 go away", times=1)
    await house.post("m1")
    async with house.running() as engine:
        engine.run_now(None)
        await house.until_paused()
        house.clock.advance(3600)
        engine.wake("acme", "main")
        await engine.recall("acme")
        assert house.relay.connections == 1
        engine.run_now(None)
        assert await house.statuses(1) == ["sent"]
