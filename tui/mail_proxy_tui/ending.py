"""How a signal ends the dashboard: by itself where it can, and soon in any case."""

from __future__ import annotations

import asyncio
import atexit
import os
import signal
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

GRACE_S = 1.5  # to restore the terminal; then the process ends as it is
REST_S = 0.2  # for what waits after that, such as a read of a slow disk: nobody does, after `q`
_ASKING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
_INSISTING = frozenset({signal.SIGTERM, signal.SIGHUP})


class Ending:
    """ask: has the app end, with this exit code; called on the loop. code: 128 and the number of
    the first signal; None before one comes.

    Plain handlers, not those of asyncio: Textual waits in the loop's own thread for a terminal that
    takes nothing, or is gone, and the loop sees no signal then. Python runs a handler also there.
    """

    def __init__(self, ask: Callable[[int], None]) -> None:
        self._ask = ask
        self.code: int | None = None
        self._loop = asyncio.get_running_loop()
        self._terminal = _terminal_modes()

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Signals are heard inside. The alarm of one that came stays: what waits after the app,
        such as a thread that is joined, must not hold the process either."""
        before = {number: signal.signal(number, self._end) for number in _ASKING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def leave_soon(self, code: int) -> None:
        """The terminal is restored: what waits after the app does not hold the process."""
        if self.code is None:
            self.code = code
        self._leave_in(REST_S)

    def _end(self, number: int, _: FrameType | None) -> None:
        if self.code is None:
            self.code = 128 + number
        if number in _INSISTING:
            self._leave_in(GRACE_S)
        self._loop.call_soon_threadsafe(self._ask, self.code)

    def _leave_in(self, seconds: float) -> None:
        signal.signal(signal.SIGALRM, self._leave)
        # Nothing waits any more then; a little later Python takes its handlers away, and an alarm
        # would end the process as one that was killed.
        atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def _leave(self, number: int, _: FrameType | None) -> None:  # noqa: ARG002 - as handlers are
        if self._terminal is not None:
            with suppress(termios.error):  # it is gone
                termios.tcsetattr(sys.__stdin__.fileno(), termios.TCSANOW, self._terminal)  # type: ignore[union-attr] # it had modes
        os._exit(self.code or 0)


def _terminal_modes() -> list[Any] | None:
    """As they are before the dashboard changes them; None where there is no terminal."""
    if sys.__stdin__ is None or not sys.__stdin__.isatty():
        return None
    return termios.tcgetattr(sys.__stdin__.fileno())
