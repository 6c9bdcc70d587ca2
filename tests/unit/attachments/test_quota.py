"""Room for all tenants: half of it at most for one while others wait; nobody waits for ever."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.attachments.quota import Quota


async def taking(pool: Quota, tasks: asyncio.TaskGroup, who: str, n: int) -> asyncio.Task:
    task = tasks.create_task(pool.take(who, n))
    await asyncio.sleep(0)
    return task


async def test_one_alone_has_all_but_a_tenth():
    pool = Quota(100)
    async with asyncio.TaskGroup() as tasks:
        first = await taking(pool, tasks, "a", 90)
        second = await taking(pool, tasks, "a", 1)
        assert (first.done(), second.done()) == (True, False)
        newcomer = await taking(pool, tasks, "b", 10)
        assert newcomer.done()
        first.result().close()
    assert pool.in_use == 11


async def test_while_others_wait_one_has_half_at_most():
    pool = Quota(100)
    async with asyncio.TaskGroup() as tasks:
        held = [await taking(pool, tasks, "a", 10) for _ in range(9)]
        waiting = [await taking(pool, tasks, "a", 10) for _ in range(5)]
        others = [await taking(pool, tasks, "b", 40) for _ in range(2)]
        for share in held[:4]:
            share.result().close()
        await asyncio.sleep(0)
        assert others[0].done()
        assert not any(task.done() for task in waiting)
        for share in held[4:]:
            share.result().close()
        await asyncio.sleep(0)
        assert any(task.done() for task in waiting)
        others[0].result().close()
        for _ in range(20):
            for task in [*waiting, *others]:
                if task.done():
                    task.result().close()
            await asyncio.sleep(0)
    assert pool.in_use == 0


async def test_a_large_one_is_not_passed_for_ever_by_small_ones():
    pool = Quota(100)
    async with asyncio.TaskGroup() as tasks:
        held = await taking(pool, tasks, "a", 60)
        large = await taking(pool, tasks, "b", 80)
        small = await taking(pool, tasks, "c", 10)
        assert not small.done()
        held.result().close()
        await asyncio.sleep(0)
        assert (large.done(), small.done()) == (True, True)


async def test_what_is_larger_than_all_gets_in_alone():
    pool = Quota(10)
    async with asyncio.TaskGroup() as tasks:
        first = await taking(pool, tasks, "a", 1)
        large = await taking(pool, tasks, "b", 50)
        assert not large.done()
        first.result().close()
        await asyncio.sleep(0)
        assert large.done()


async def test_one_that_gives_up_leaves_its_place():
    pool = Quota(10)
    async with asyncio.TaskGroup() as tasks:
        first = await taking(pool, tasks, "a", 10)
        large = await taking(pool, tasks, "b", 10)
        small = await taking(pool, tasks, "c", 1)
        large.cancel()
        await asyncio.sleep(0)
        first.result().close()
        await asyncio.sleep(0)
        assert small.done()
    assert pool.in_use == 1


async def test_one_that_gives_up_in_the_moment_of_its_turn_gives_it_back():
    pool = Quota(10)
    first = await pool.take("a", 10)
    second = asyncio.ensure_future(pool.take("b", 10))
    await asyncio.sleep(0)
    first.close()  # its turn is here, and it has not run yet
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert pool.in_use == 0


async def test_a_share_grows_shrinks_and_splits_within_the_pool():
    pool = Quota(100)
    share = await pool.take("a", 10)
    part = share.split(4)
    assert (share.n, part.n, pool.in_use) == (6, 4, 10)
    assert part.grow(50)
    assert (share.n, part.n, pool.in_use) == (0, 50, 50)
    assert not part.grow(91)
    assert (part.n, share.needed, pool.in_use) == (50, 91, 50)
    part.shrink(5)
    assert (share.n, part.n, pool.in_use) == (45, 5, 50)
    other = share.split(1)
    assert other.grow(30)
    assert (share.n, share.needed, pool.in_use) == (15, 121, 50)
    share.close()
    share.close()
    assert pool.in_use == 35
    part.close()
    other.close()
    assert pool.in_use == 0


@given(
    steps=st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 60), st.integers(0, 5)), max_size=40
    )
)
def test_no_more_is_given_than_there_is_and_all_get_their_turn(steps):
    async def run() -> None:
        pool = Quota(100)
        waiting: list[asyncio.Task] = []
        for who, n, closes in steps:
            waiting.append(asyncio.ensure_future(pool.take(who, n)))
            await asyncio.sleep(0)
            assert pool.in_use <= 100
            for task in [t for t in waiting if t.done()][:closes]:
                task.result().close()
                waiting.remove(task)
        while waiting:
            await asyncio.sleep(0)
            done = [task for task in waiting if task.done()]
            assert done, "somebody waits, and nobody holds anything"
            for task in done:
                task.result().close()
                waiting.remove(task)
        assert pool.in_use == 0

    asyncio.run(run())
