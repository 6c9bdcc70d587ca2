"""Results are written in their order, and none is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from mail_proxy.delivery.finish import Ended, Finisher
from mail_proxy.delivery.outcome import released
from mail_proxy.domain.clock import SystemClock
from mail_proxy.domain.errors import StoreUnavailable
from mail_proxy.store import Claimed, Outcome
from tests.patience import PATIENCE_S

Claim = Callable[..., Claimed]


class Rows:
    """The one verb that a finisher needs; each call waits for `allow`."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.written: list[int] = []
        self.begun = asyncio.Event()
        self.allow = asyncio.Event()
        self.bad_pk = 0
        self.is_away = False
        if is_open:
            self.allow.set()

    async def finish(self, outcomes: Sequence[Outcome], *, now: float) -> set[int]:
        self.begun.set()
        await self.allow.wait()
        if self.is_away:
            raise StoreUnavailable("away")
        pks = [outcome.pk for outcome in outcomes]
        if self.bad_pk in pks:
            raise ValueError("a bug")
        self.written += pks
        return set(pks)


def finisher(
    rows: Rows, written: Callable[[list[Ended], set[int]], None] = lambda *_: None
) -> Finisher:
    return Finisher(rows, SystemClock(), written)  # type: ignore[arg-type]  # the one verb is enough


def put(into: Finisher, message: Claimed) -> None:
    into.put(message, released(message))


async def test_a_flush_waits_for_what_was_put_before_it_and_not_for_what_comes_later(
    claimed: Claim,
) -> None:
    rows = Rows(is_open=False)
    results = finisher(rows)
    put(results, claimed(1))
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        group.create_task(results.run())
        await rows.begun.wait()
        flush = group.create_task(results.flush())
        await asyncio.sleep(0)  # it has begun
        put(results, claimed(2))
        rows.begun.clear()
        rows.allow.set()
        await flush
        assert 1 in rows.written
        results.close()


async def test_a_bug_in_one_result_takes_no_other_along(claimed: Claim) -> None:
    rows = Rows()
    rows.bad_pk = 3
    results = finisher(rows)
    for pk in range(1, 6):
        put(results, claimed(pk))
    results.close()
    await results.run()
    assert rows.written == [1, 2, 4, 5]


async def test_a_bug_in_the_telling_ends_nothing(claimed: Claim) -> None:
    def broken(ended: list[Ended], ours: set[int]) -> None:
        raise ValueError(f"{ended} {ours}")

    rows = Rows()
    results = finisher(rows, broken)
    put(results, claimed(1))
    results.close()
    await results.run()
    assert rows.written == [1]


async def test_what_waits_when_it_is_cancelled_is_written_once_more(claimed: Claim) -> None:
    rows = Rows(is_open=False)
    results = finisher(rows)
    put(results, claimed(1))
    running = asyncio.ensure_future(results.run())
    await rows.begun.wait()
    put(results, claimed(2))
    running.cancel()
    await asyncio.wait([running])
    rows.allow.set()
    await results.write_rest()
    assert rows.written == [1, 2]


async def test_a_store_that_is_away_loses_nothing_and_ends_the_last_write(claimed: Claim) -> None:
    rows = Rows()
    rows.is_away = True
    results = finisher(rows)
    put(results, claimed(1))
    await results.write_rest()
    rows.is_away = False
    await results.write_rest()
    assert rows.written == [1]


async def test_nobody_waits_for_results_that_are_never_written(claimed: Claim) -> None:
    rows = Rows()
    rows.is_away = True
    results = finisher(rows)
    put(results, claimed(1))
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        flush = group.create_task(results.flush())
        await asyncio.sleep(0)
        await results.write_rest()
        await flush
