"""Asynchronous controls for callers that have no event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Coroutine, Generator
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

from mail_proxy.client.verbs import Answer
from mail_proxy.control.base import Control, SyncControl
from mail_proxy.domain.errors import MailProxyError

_T = TypeVar("_T")


class LettingGo:
    """Lets go of the database after each call, so that others may have it meanwhile."""

    def __init__(self, control: SyncControl) -> None:
        self._control = control

    @property
    def is_live(self) -> bool:
        return self._control.is_live

    def call(self, command: str, /, **fields: Any) -> Answer:
        try:
            return self._control.call(command, **fields)
        finally:
            self._control.close()

    def stream(self, command: str, /, **fields: Any) -> Generator[Answer, None, None]:
        return self._control.stream(command, **fields)

    def close(self) -> None:
        self._control.close()


class Blocking:
    """An asynchronous Control, waited for; it lives on a loop of its own."""

    is_live = True

    def __init__(self, control: Control) -> None:
        self._control = control
        self._loop = _BackgroundLoop()

    def call(self, command: str, /, **fields: Any) -> Answer:
        return self._loop.run(self._control.call(command, **fields))

    def stream(self, command: str, /, **fields: Any) -> Generator[Answer, None, None]:
        events = self._control.stream(command, **fields)
        turn = asyncio.Lock()
        try:
            while (event := self._loop.run(_next(events, turn))) is not None:
                yield event
        finally:
            if self._loop.is_running:
                self._loop.run(_closed(events, turn))

    def close(self) -> None:
        if self._loop.is_running:
            try:
                self._loop.run(self._control.aclose())
            finally:
                self._loop.stop()


async def _next(events: AsyncGenerator[Answer, None], turn: asyncio.Lock) -> Answer | None:
    async with turn:
        return await anext(events, None)


async def _closed(events: AsyncGenerator[Answer, None], turn: asyncio.Lock) -> None:
    """Once the event that was waited for is given up: a generator that runs cannot be closed."""
    async with turn:
        await events.aclose()


class _BackgroundLoop:
    """An event loop on a daemon thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._is_open = True
        self._changing = threading.Lock()  # nothing is given to a loop that is about to stop
        self._thread = threading.Thread(target=self._serve, name="mail-proxy client", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.get_loop().run_forever()

    @property
    def is_running(self) -> bool:
        return self._is_open

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """The result of `work`; Ctrl-C cancels it and leaves the loop usable."""
        future = self._begin(work)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            raise
        except CancelledError as error:
            raise MailProxyError(
                "this client was closed before the answer came",
                hint="the command may have run all the same",
            ) from error

    def _begin(self, work: Coroutine[Any, Any, _T]) -> Future[_T]:
        with self._changing:
            if self._is_open:
                return asyncio.run_coroutine_threadsafe(work, self._loop)
        work.close()
        raise MailProxyError("this client is closed")

    def stop(self) -> None:
        """What is under way is cancelled."""
        with self._changing:
            if self._is_open:
                self._is_open = False
                self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
