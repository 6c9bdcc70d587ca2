"""One try to start a daemon process: made behind the terminal, heard, and ended when nobody waits.

What it says is a line on a pipe (`daemon/readiness.py`). Standard library only.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

_END_S = 5.0  # for a daemon that is not wanted any more; then it is killed
_LOOK_EVERY_S = 0.05
_LINE_LIMIT = 65536


def launch(
    command: Sequence[str],
    *,
    log: int,
    environ: Mapping[str, str],
    timeout_s: float,
    is_held: Callable[[], bool],
) -> bytes | None:
    """The readiness line; empty when it ended without one, None when the time is over.

    log: the descriptor for what it prints. is_held: whether the instance has a daemon.
    Interrupted while it waits, it ends what it has started and lets the interruption through.
    """
    reader, writer = os.pipe()
    try:
        with subprocess.Popen(  # noqa: S603 - our own interpreter and checked words
            [*command, "--ready-fd", str(writer)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(writer,),
            env=dict(environ),
            start_new_session=True,
            umask=0o077,
        ) as child:
            try:
                os.close(writer)
                writer = -1
                line = _read_line(reader, timeout_s)
            except BaseException:
                _end(child.pid, reader, is_held)
                raise
            # The process that was started ends at once: the daemon is its child.
            if line is None:
                child.kill()  # harmless to the daemon; else a hanging interpreter would hang us
            return line
    finally:
        for descriptor in (reader, writer):
            if descriptor >= 0:
                os.close(descriptor)


def _read_line(reader: int, timeout_s: float) -> bytes | None:
    line = b""
    deadline = time.monotonic() + timeout_s
    while not line.endswith(b"\n") and len(line) < _LINE_LIMIT:
        ready, _, _ = select.select([reader], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return None
        part = os.read(reader, _LINE_LIMIT)
        if not part:
            return b""
        line += part
    return line


def _end(group: int, reader: int, is_held: Callable[[], bool]) -> None:
    """End the processes of the group, whose leader is our child and is not waited for yet.

    So nobody else can have got its number.
    """
    try:
        os.killpg(group, signal.SIGTERM)
        deadline = time.monotonic() + _END_S
        while not _is_closed(reader) or is_held():
            if time.monotonic() > deadline:
                break
            time.sleep(_LOOK_EVERY_S)
    finally:
        os.killpg(group, signal.SIGKILL)


def _is_closed(reader: int) -> bool:
    """Nobody can write to the pipe any more; what was written before is read and dropped."""
    ready, _, _ = select.select([reader], [], [], 0)
    return bool(ready) and not os.read(reader, _LINE_LIMIT)
