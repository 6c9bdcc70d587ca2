"""A signal that ends the process while a question is put: the terminal is left tidy before.

The toolbar below the question goes, and the terminal gets its mode back; then the signal does what
it would have done.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.utils import in_main_thread

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Ended(Exception):
    """A signal came; it is raised again behind this."""


@contextmanager
def tidied(app: Application[Any]) -> Iterator[Callable[[], None]]:
    """What to call in the loop of the application, once it runs."""
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def end(number: int) -> None:
        came.append(number)
        if app.is_running and not app.is_done:
            app.exit(exception=Ended())

    def watch() -> None:
        if in_main_thread():  # no other one is told of signals
            for number in _SIGNALS:
                if before[number] is not signal.SIG_IGN:  # as under nohup
                    asyncio.get_running_loop().add_signal_handler(number, end, number)

    try:
        yield watch
    finally:
        # The loop leaves the default behind, not what was there.
        for number, handler in before.items():
            if in_main_thread() and handler is not None:
                signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])
