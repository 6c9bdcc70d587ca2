"""A command in a terminal of its own, whose screen is read as it comes."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from mail_proxy.bench.plan import BenchFailed

_PATIENCE_S = 30.0
_PART_BYTES = _KEPT_BYTES = 65536


class Terminal:
    """The command runs inside the `with` block; SIGTERM ends it."""

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        *,
        columns: int = 80,
        lines: int = 24,
    ) -> None:
        self._told = threading.Condition()
        self._shown = bytearray()  # since the last key
        self._shown_at = 0.0
        self._ours, theirs = pty.openpty()
        try:
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
            self.began = time.perf_counter()
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and words of ours
                command,
                env={**environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"},
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,
            )
        except BaseException:
            os.close(self._ours)
            raise
        finally:
            os.close(theirs)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def until_shown(self, words: str) -> float:
        """When they came, by time.perf_counter. Raises BenchFailed."""
        with self._told:
            return self._wait_for(words)

    def press(self, key: str, words: str) -> float:
        """Seconds until something with these words is written. Raises BenchFailed."""
        with self._told:
            self._shown.clear()
            began = time.perf_counter()
            os.write(self._ours, key.encode())
            return self._wait_for(words) - began

    def _wait_for(self, words: str) -> float:
        if not self._told.wait_for(lambda: words.encode() in self._shown, _PATIENCE_S):
            raise BenchFailed(f"the terminal did not show '{words}' in {_PATIENCE_S:g} s")
        return self._shown_at

    def _read(self) -> None:
        while True:
            try:
                part = os.read(self._ours, _PART_BYTES)
            except OSError:  # the command has ended, and its side is closed
                return
            with self._told:
                del self._shown[:-_KEPT_BYTES]
                self._shown += part
                self._shown_at = time.perf_counter()
                self._told.notify_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        os.close(self._ours)
