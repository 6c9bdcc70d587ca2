"""The one writer: a thread that owns the writing connection and groups requests into commits.

A request waits on a future while its job shares a transaction, and so a sync, with all others that
came meanwhile. The turn runs as plain calls in one thread: through an asynchronous driver each of
its statements costs four hops between threads (0.7 ms for one read, against 0.2 ms so), and the
next turn would wait for the event loop. The loop is woken once a turn.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection

from mail_proxy.domain.errors import StoreUnavailable
from mail_proxy.store.faults import translated
from mail_proxy.store.turn import Failed, Job, Lane, Verb, run_turn

# 250 messages take about 8 ms: what a lane may hold up the others in a turn. Each lane has its
# own share, so that none starves.
LANE_WEIGHT = 250
_LATEST = 0.2  # what the latest turn weighs in the mean


class Lanes:
    """Jobs that wait, by lane; filled by the event loop, emptied by the writer's thread."""

    def __init__(self) -> None:
        self._waiting: list[deque[Job]] = [deque() for _ in Lane]
        self._changed = threading.Condition()
        self._is_open = True

    def put(self, job: Job) -> None:
        """Raises StoreUnavailable once closed."""
        with self._changed:
            if not self._is_open:
                raise StoreUnavailable("the database is closed")
            self._waiting[job.lane].append(job)
            self._changed.notify()

    def take(self) -> list[Job]:
        """The next turn's jobs, in the order of the lanes; empty when closed and all is done."""
        with self._changed:
            self._changed.wait_for(lambda: any(self._waiting) or not self._is_open)
            return [job for lane in self._waiting for job in _share(lane)]

    def close(self) -> None:
        """Take no more; what waits is still done."""
        with self._changed:
            self._is_open = False
            self._changed.notify()


def _share(lane: deque[Job]) -> list[Job]:
    taken: list[Job] = []
    weight = 0
    while lane and weight < LANE_WEIGHT:
        weight += lane[0].weight
        taken.append(lane.popleft())
    return taken


class Writer:
    """Runs jobs, turn by turn; made and used on one event loop.

    turn_s: what a turn takes of late, with its sync; None before the first.
    """

    def __init__(self, conn: Connection) -> None:
        self.turn_s: float | None = None
        self._conn = conn
        self._lanes = Lanes()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="store writer", daemon=True)
        self._thread.start()

    async def do(
        self,
        lane: Lane,
        verb: Verb,
        request: Any,
        *,
        weight: int,
        abandoned: Callable[[Any], None] | None = None,
    ) -> Any:
        """The result of `verb` for `request`, committed and synced.

        A caller that is cancelled does not cancel the job; `abandoned` is then called on the event
        loop with its result.
        """
        return await self.put(lane, verb, request, weight=weight, abandoned=abandoned)

    def put(
        self,
        lane: Lane,
        verb: Verb,
        request: Any,
        *,
        weight: int,
        abandoned: Callable[[Any], None] | None = None,
    ) -> asyncio.Future[Any]:
        """Queue it, and return what `do` would wait for. Raises StoreUnavailable once closed."""
        future = self._loop.create_future()
        self._lanes.put(Job(lane, verb, request, weight, future, abandoned))
        return future

    async def close(self) -> None:
        """End when all that waits is done, and close the connection."""
        self._lanes.close()
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while jobs := self._lanes.take():
            began = time.perf_counter()
            results = self._turn(jobs)
            took_s = time.perf_counter() - began
            before_s = took_s if self.turn_s is None else self.turn_s
            self.turn_s = before_s + (took_s - before_s) * _LATEST
            self._loop.call_soon_threadsafe(_deliver, jobs, results)
        self._conn.close()

    def _turn(self, jobs: Sequence[Job]) -> Sequence[Any]:
        try:
            return run_turn(self._conn, jobs)
        except Exception as error:  # noqa: BLE001 - a bug fails this turn; without a thread all would hang
            return [Failed(translated(error))] * len(jobs)


def _deliver(jobs: Sequence[Job], results: Sequence[Any]) -> None:
    for job, result in zip(jobs, results, strict=True):
        if job.future.done():  # its caller was cancelled
            if job.abandoned is not None and not isinstance(result, Failed):
                job.abandoned(result)
        elif isinstance(result, Failed):
            job.future.set_exception(result.error)
        else:
            job.future.set_result(result)
