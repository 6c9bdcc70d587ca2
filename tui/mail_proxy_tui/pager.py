"""A message in the user's pager, the dashboard put aside meanwhile."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from mail_proxy.domain.safe_text import safe_text
from mail_proxy_tui.feed.base import Letter

_ENDING = (signal.SIGTERM, signal.SIGHUP)
GRACE_S = 0.5  # for the pager to put the terminal back; the dashboard ends a second later


class _Ended(BaseException):
    """A signal ends us, and the pager with us."""


def open_pager(letter: Letter) -> None:
    """Returns when it is closed, or a signal ends it. Without a usable pager the terminal is as it
    was."""
    text = "\n".join(safe_text(line, 10_000) for line in letter.raw.splitlines()).encode()
    words = shlex.split(os.environ.get("PAGER", "")) or ["less", "-R"]
    # There ctrl+c is the pager's, and goes to us too; a handler is not inherited, as SIG_IGN is.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        _page(words, text)
    except OSError:
        _page(["more"], text)
    finally:
        signal.signal(signal.SIGINT, before)


def _page(words: Sequence[str], text: bytes) -> None:
    with subprocess.Popen(words, stdin=subprocess.PIPE) as pager:  # noqa: S603 - the user's own
        try:
            with _endings_raised():
                pager.communicate(text)
        except _Ended:
            _end(pager)


def _end(pager: subprocess.Popen[bytes]) -> None:
    pager.terminate()
    try:
        pager.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        pager.kill()


@contextmanager
def _endings_raised() -> Iterator[None]:
    """A signal that ends us does what it did before, and ends the wait for the pager too, which
    would live on and read the keys that are meant for the shell."""
    before = {number: signal.getsignal(number) for number in _ENDING}

    def end(number: int, frame: FrameType | None) -> None:
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)
        raise _Ended

    for number in _ENDING:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
