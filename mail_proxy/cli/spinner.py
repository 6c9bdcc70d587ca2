"""Something that moves while we wait: on a terminal only, and only when it takes a while."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mail_proxy.cli.output import Writer

_PATIENCE_S = 0.5  # shorter waits need no sign of life
_FRAME_S = 0.1
_FRAMES = "|/-\\"


@contextmanager
def spinner(writer: Writer, text: str) -> Iterator[None]:
    """Show `text` with a turning mark on stderr until the block ends, then wipe it away."""
    if not writer.stderr.isatty() or writer.options.quiet:
        yield
        return
    done = threading.Event()
    turning = threading.Thread(target=_turn, args=(writer, text, done), daemon=True)
    turning.start()
    try:
        yield
    finally:
        done.set()
        turning.join()


def _turn(writer: Writer, text: str, done: threading.Event) -> None:
    if done.wait(_PATIENCE_S):
        return
    frame = 0
    while not done.wait(_FRAME_S):
        frame += 1
        writer.stderr.write(f"\r{_FRAMES[frame % 4]} {text}")
        writer.stderr.flush()
    writer.stderr.write("\r" + " " * (len(text) + 2) + "\r")
    writer.stderr.flush()
