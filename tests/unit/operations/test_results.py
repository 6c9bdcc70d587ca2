from __future__ import annotations

import asyncio
import gc

from mail_proxy.operations import results as results_module
from mail_proxy.operations.results import Results
from tests.patience import PATIENCE_S


async def test_every_reader_gets_every_outcome():
    results = Results()
    one, other = results.read(), results.read()
    results.put({"id": "a"})
    results.put({"id": "b"})
    results.close()
    assert [r["id"] async for r in one] == [r["id"] async for r in other] == ["a", "b"]


async def test_a_slow_reader_loses_the_oldest(monkeypatch):
    monkeypatch.setattr(results_module, "KEPT", 3)
    results = Results()
    reader = results.read()
    for n in range(10):
        results.put({"id": n})
    results.close()
    assert [r["id"] async for r in reader] == [7, 8, 9]


async def test_a_reader_waits_for_the_next_outcome():
    results = Results()
    reader = results.read()
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(anext(reader))
        await asyncio.sleep(0)
        results.put({"id": "late"})
    assert waiting.result() == {"id": "late"}


async def test_a_closed_stream_ends_at_once():
    results = Results()
    results.close()
    assert [r async for r in results.read()] == []


async def test_a_stream_that_nobody_reads_is_not_kept():
    results = Results()
    unread = [results.read() for _ in range(3)]
    results.put({"id": "a"})
    unread.clear()
    gc.collect()
    assert len(results._readers) == 0
