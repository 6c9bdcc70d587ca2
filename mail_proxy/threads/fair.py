"""Threads for work that may hang for ever: a share that is away, a storage that is silent.

Each tenant has some of them at most, so what hangs for one holds up no other. They are daemon
threads: the end of the process waits for none, as it would for those of a `ThreadPoolExecutor`.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from mail_proxy.threads.base import NoThread, Threads

R = TypeVar("R")
_Call = Callable[[], object]


class FairThreads:
    """n: of all; they are made when they are needed. each: of one tenant."""

    def __init__(self, n: int, each: int, name: str) -> None:
        self._n = n
        self._each = each
        self._name = name
        self._changed = threading.Condition()
        self._waiting: OrderedDict[str, deque[_Call]] = OrderedDict()
        self._busy: Counter[str] = Counter()
        self._made = 0
        self._idle = 0
        self._is_closed = False

    def of(self, tenant_id: str) -> Threads:
        """Those that this tenant may use."""
        return _Tenants(self, tenant_id)

    def close(self) -> None:
        """What was given is still done, unless the process ends before; threads end when idle."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def give(self, tenant_id: str, call: _Call) -> None:
        """`call` raises nothing. Raises NoThread."""
        with self._changed:
            self._waiting.setdefault(tenant_id, deque()).append(call)
            if self._ready() > self._idle and self._made < self._n:
                self._make(tenant_id)
            self._changed.notify()

    def _ready(self) -> int:
        """How much of what waits may begin."""
        free = ((calls, self._each - self._busy[who]) for who, calls in self._waiting.items())
        return sum(min(len(calls), places) for calls, places in free)

    def _make(self, tenant_id: str) -> None:
        thread = threading.Thread(
            target=self._serve, name=f"{self._name} {self._made}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:
            if self._made:  # one of those will do it
                return
            self._taken(tenant_id, self._waiting[tenant_id].pop)
            raise NoThread from error
        self._made += 1

    def _serve(self) -> None:
        try:
            while (found := self._next()) is not None:
                self._do(*found)
                del found  # what it holds is not needed while this thread waits
        finally:
            with self._changed:
                self._made -= 1

    def _do(self, tenant_id: str, call: _Call) -> None:
        try:
            call()
        finally:
            with self._changed:
                self._busy[tenant_id] -= 1
                if not self._busy[tenant_id]:
                    del self._busy[tenant_id]

    def _next(self) -> tuple[str, _Call] | None:
        """Waits for something to do; None: there will be nothing more."""
        with self._changed:
            while True:
                for tenant_id, calls in self._waiting.items():
                    if self._busy[tenant_id] < self._each:
                        self._busy[tenant_id] += 1
                        return tenant_id, self._taken(tenant_id, calls.popleft)
                if self._is_closed:
                    return None
                self._idle += 1
                self._changed.wait()
                self._idle -= 1

    def _taken(self, tenant_id: str, take: Callable[[], _Call]) -> _Call:
        """One of what waits for a tenant; it is the last in turn then."""
        call = take()
        self._waiting.move_to_end(tenant_id)
        if not self._waiting[tenant_id]:
            del self._waiting[tenant_id]
        return call


class _Tenants(Threads):
    def __init__(self, threads: FairThreads, tenant_id: str) -> None:
        self._threads = threads
        self._tenant_id = tenant_id

    def start(self, work: Callable[[], R]) -> asyncio.Future[R]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()

        def call() -> None:
            if future.cancelled():
                return
            deliver = _outcome(future, work)
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(deliver)

        try:
            self._threads.give(self._tenant_id, call)
        except NoThread as error:
            future.set_exception(error)
        return future

    def later(self, work: Callable[[], object]) -> None:
        with suppress(NoThread):
            self._threads.give(self._tenant_id, work)


def _outcome(future: asyncio.Future[Any], work: Callable[[], object]) -> Callable[[], None]:
    """Work done, and told to the future by what is returned, in the event loop."""
    try:
        result = work()
    except Exception as error:  # noqa: BLE001 - whoever waits is to hear of it, bugs included
        failure = error
        return lambda: None if future.done() else future.set_exception(failure)
    return lambda: None if future.done() else future.set_result(result)
