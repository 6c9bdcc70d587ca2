"""SIGTERM and SIGINT stop the daemon gently; the second one ends it at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_STOPPING = (signal.SIGTERM, signal.SIGINT)


class StopRequest:
    """The wish that the daemon ends; `reason` says whose it was.

    at_once: what is still done when a second signal ends the process; it must not wait.
    """

    def __init__(self, *, at_once: Callable[[], object] | None = None) -> None:
        self._wanted = asyncio.Event()
        self._at_once = at_once
        self.reason = ""

    def ask(self, reason: str) -> None:
        self.reason = self.reason or reason
        self._wanted.set()

    async def wait(self) -> None:
        """Returns when the stop is wanted."""
        await self._wanted.wait()

    def on_signal(self, number: signal.Signals) -> None:
        if self._wanted.is_set():
            # Whoever asks twice does not want to wait: the journal knows what was on the wire.
            try:
                if self._at_once is not None:
                    self._at_once()
            finally:
                os._exit(128 + number)
        self.ask(number.name)


@contextmanager
def signals_caught(request: StopRequest, *, on_hangup: Callable[[], None] | None) -> Iterator[None]:
    """Inside the block signals go to `request`.

    on_hangup: what SIGHUP does; None: it stops the daemon, whose terminal has gone.
    """
    loop = asyncio.get_running_loop()
    for number in _STOPPING:
        loop.add_signal_handler(number, request.on_signal, number)
    if on_hangup is None:
        loop.add_signal_handler(signal.SIGHUP, request.on_signal, signal.SIGHUP)
    else:
        loop.add_signal_handler(signal.SIGHUP, on_hangup)
    try:
        yield
    finally:
        for number in (*_STOPPING, signal.SIGHUP):
            loop.remove_signal_handler(number)
