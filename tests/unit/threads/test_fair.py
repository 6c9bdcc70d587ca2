"""What hangs holds up nobody else, and not the end of the process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from mail_proxy.threads import FairThreads, NoThread
from tests.patience import PATIENCE_S


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture
async def threads(gate) -> AsyncIterator[FairThreads]:
    threads = FairThreads(6, 2, "fair")
    yield threads
    gate.set()
    threads.close()


def hang(threads: FairThreads, tenant_id: str, gate: threading.Event, times: int = 10) -> None:
    for _ in range(times):
        threads.of(tenant_id).start(lambda: gate.wait(2 * PATIENCE_S))


async def test_what_hangs_for_one_tenant_holds_up_no_other(threads, gate):
    hang(threads, "acme", gate)
    async with asyncio.timeout(PATIENCE_S):
        assert await threads.of("other").run(lambda: 7) == 7


async def test_there_are_never_more_than_so_many(threads, gate):
    for tenant_id in "abcdefgh":
        hang(threads, tenant_id, gate)
    names = [thread.name for thread in threading.enumerate()]
    assert sum(name.startswith("fair ") for name in names) == 6


async def test_what_waited_is_done_in_turns_once_there_is_room(threads, gate):
    done: list[str] = []
    hang(threads, "a", gate, 2)
    hang(threads, "b", gate, 2)
    hang(threads, "c", gate, 2)
    late = [threads.of(who).start(lambda who=who: done.append(who)) for who in "aaabbb"]
    gate.set()
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*late)
    assert sorted(done) == list("aaabbb")


async def test_what_is_cancelled_before_it_begins_is_not_done(threads, gate):
    done: list[int] = []
    hang(threads, "acme", gate, 2)
    running = threads.of("acme").start(lambda: done.append(1))
    running.cancel()
    gate.set()
    async with asyncio.timeout(PATIENCE_S):
        await threads.of("acme").run(lambda: done.append(2))
    assert done == [2]


async def test_what_comes_when_nobody_waits_any_more_is_taken_back(threads, gate):
    begun, undone = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def work() -> int:
        loop.call_soon_threadsafe(begun.set)
        gate.wait(2 * PATIENCE_S)
        return 7

    waiting = asyncio.ensure_future(
        threads.of("acme").run(work, lambda _: loop.call_soon_threadsafe(undone.set))
    )
    async with asyncio.timeout(PATIENCE_S):
        await begun.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        gate.set()
        await undone.wait()


async def test_what_the_work_raises_is_raised(threads):
    with pytest.raises(ZeroDivisionError):
        await threads.of("acme").run(lambda: 1 / 0)
    assert await threads.of("acme").run(lambda: 7) == 7


async def test_a_machine_without_threads_is_told_of(threads, monkeypatch):
    def none_left(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", none_left)
        with pytest.raises(NoThread):
            await threads.of("acme").run(lambda: 7)
    assert await threads.of("acme").run(lambda: 7) == 7


@pytest.mark.slow
def test_the_end_of_the_process_does_not_wait_for_what_hangs():
    program = (
        "import asyncio, threading\n"
        "from mail_proxy.threads import FairThreads\n"
        "begun = threading.Event()\n"
        "def work():\n"
        "    begun.set()\n"
        "    threading.Event().wait()\n"
        "async def main():\n"
        "    threads = FairThreads(1, 1, 'fair')\n"
        "    threads.of('acme').start(work)\n"
        "    begun.wait()\n"
        "    threads.close()\n"
        "asyncio.run(main())\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], timeout=30, check=False, capture_output=True
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
