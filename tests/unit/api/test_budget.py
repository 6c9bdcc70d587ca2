"""Large bodies wait for room, in order; one caller leaves the others theirs."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from mail_proxy.api.budget import SMALL_BYTES, BodyBudget
from mail_proxy.domain.errors import TooMany

LARGE = SMALL_BYTES + 1
LONG_S = 5.0


class Reader:
    """Somebody with a body; `is_in` while it has its room."""

    def __init__(self, budget: BodyBudget, who: str, n: int) -> None:
        self._room = budget.room(who, n, timeout_s=LONG_S)
        self._leaves = asyncio.Event()
        self.is_in = False

    async def run(self) -> None:
        async with self._room:
            self.is_in = True
            await self._leaves.wait()
        self.is_in = False

    def leave(self) -> None:
        self._leaves.set()


@pytest.fixture
async def enter():
    """Starts a reader, and lets it go as far as it comes."""
    readers: list[Reader] = []
    async with AsyncExitStack() as stack:
        group = await stack.enter_async_context(asyncio.TaskGroup())

        async def start(budget: BodyBudget, who: str, n: int = LARGE) -> Reader:
            reader = Reader(budget, who, n)
            readers.append(reader)
            group.create_task(reader.run())
            await settle()
            return reader

        yield start
        for reader in readers:
            reader.leave()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_fits_comes_in_and_the_rest_waits_its_turn(enter):
    budget = BodyBudget(2 * LARGE)
    first, second = await enter(budget, "a"), await enter(budget, "b")
    third, fourth = await enter(budget, "c"), await enter(budget, "d")
    assert [r.is_in for r in (first, second, third, fourth)] == [True, True, False, False]
    second.leave()
    await settle()
    assert [r.is_in for r in (first, second, third, fourth)] == [True, False, True, False]


async def test_a_caller_takes_a_quarter_of_the_room_and_holds_up_nobody_else(enter):
    budget = BodyBudget(8 * LARGE)
    greedy = [await enter(budget, "a") for _ in range(4)]
    assert [r.is_in for r in greedy] == [True, True, False, False]
    assert (await enter(budget, "b")).is_in
    greedy[0].leave()
    await settle()
    assert [r.is_in for r in greedy] == [False, True, True, False]


async def test_a_large_one_is_not_overtaken_for_ever(enter):
    budget = BodyBudget(4 * LARGE)
    small = [await enter(budget, "a"), await enter(budget, "b")]
    large = await enter(budget, "c", 3 * LARGE)
    later = await enter(budget, "d")
    assert (large.is_in, later.is_in) == (False, False)
    for reader in small:
        reader.leave()
    await settle()
    assert (large.is_in, later.is_in) == (True, True)


async def test_a_small_body_waits_for_nobody(enter):
    budget = BodyBudget(LARGE)
    await enter(budget, "a")
    assert (await enter(budget, "b", SMALL_BYTES)).is_in


async def test_a_single_body_larger_than_all_room_comes_in_alone(enter):
    budget = BodyBudget(LARGE)
    assert (await enter(budget, "a", 3 * LARGE)).is_in
    assert not (await enter(budget, "b")).is_in


async def test_who_waits_too_long_is_told_when_to_come_again(enter):
    budget = BodyBudget(LARGE)
    holder = await enter(budget, "a")
    with pytest.raises(TooMany) as caught:
        async with budget.room("b", LARGE, timeout_s=0.01):
            pass
    assert caught.value.retry_after_s > 0
    holder.leave()
    await settle()
    assert budget.used_bytes == 0
    assert (await enter(budget, "c")).is_in


async def test_who_goes_away_while_it_waits_leaves_nothing_behind(enter):
    budget = BodyBudget(LARGE)
    holder = await enter(budget, "a")
    async with asyncio.TaskGroup() as group:
        gone = group.create_task(Reader(budget, "b", LARGE).run())
        await settle()
        gone.cancel()
    holder.leave()
    await settle()
    assert budget.used_bytes == 0
