"""The dashboard in a terminal of its own, until it shows the queue."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence

from mail_proxy.bench.plan import BenchFailed

_LINES, _COLUMNS = 24, 80
_SHOWN = b"immediate"  # a line of the queue's numbers, which only a daemon has told
_PATIENCE_S = 30.0


def first_content_s(command: Sequence[str], environ: Mapping[str, str]) -> float:
    """From its start to its first numbers. Raises BenchFailed."""
    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _LINES, _COLUMNS, 0, 0))
        began = time.perf_counter()
        with subprocess.Popen(  # noqa: S603 - our own interpreter and words of ours
            command,
            env={**environ, "TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        ) as running:
            try:
                return _shown_at(ours, began + _PATIENCE_S) - began
            finally:
                running.send_signal(signal.SIGTERM)
                _drain(ours, running)
    finally:
        os.close(ours)
        os.close(theirs)


def _shown_at(terminal: int, deadline: float) -> float:
    seen = b""
    while _SHOWN not in seen:
        if not select.select([terminal], [], [], max(0.0, deadline - time.perf_counter()))[0]:
            raise BenchFailed("the dashboard showed no numbers")
        seen += os.read(terminal, 65536)
    return time.perf_counter()


def _drain(terminal: int, running: subprocess.Popen[bytes]) -> None:
    """It restores the terminal, and somebody must read that."""
    while running.poll() is None:
        if select.select([terminal], [], [], 0.05)[0]:
            os.read(terminal, 65536)
