"""For commands that start processes and folders of their own: signals end them in order."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def unwound_by_signals() -> Iterator[None]:
    """The first signal unwinds, later ones are ignored: nothing is left behind.

    A closed pipe is an error to unwind from, too, where it would end other commands at once.
    """

    def leave(number: int, _: object) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)

    before = {
        number: signal.signal(number, handler)
        for number, handler in (
            (signal.SIGINT, leave),
            (signal.SIGTERM, leave),
            (signal.SIGPIPE, signal.SIG_IGN),
        )
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
