"""Where the lines go: a stream, or a file that only its owner reads and that stays bounded.

Nothing here ever raises into the program: a full disk loses lines, not mail.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from mail_proxy.domain.errors import ConfigurationError
from mail_proxy.observe.lines import LOGGER, EventRecord, JsonLines, TextLines
from mail_proxy.observe.log_lines import LEVELS

ROTATE_BYTES = 32 * 2**20  # about 200,000 lines
KEPT = 4  # daemon.log.1 to .4


class LogFile(logging.Handler):
    """Appends to a file, 0600, which is moved to `.1`, `.2`, ... when it is full.

    Lines that could not be written are counted, and the count is written when there is room again.
    """

    def __init__(
        self,
        path: Path,
        *,
        rotate_bytes: int = ROTATE_BYTES,
        kept: int = KEPT,
        waits: bool = False,
    ) -> None:
        """waits: the file is opened with its first line; one that cannot be is then passed over.

        Else raises ConfigurationError when it cannot be opened.
        """
        super().__init__()
        self.path = path
        self._rotate_bytes = rotate_bytes
        self._kept = kept
        self._lost = 0
        self._descriptor = -1
        self._size = 0
        self._gathered: list[bytes] | None = None
        if waits:
            return
        try:
            self._open()
        except OSError as error:
            raise ConfigurationError(f"cannot write {path}: {error.strerror}") from error

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record) + "\n"
        except Exception:  # noqa: BLE001 - a value whose str() fails must not break its caller
            self._lost += 1
            return
        octets = line.encode("utf-8", "backslashreplace")
        if self._gathered is None:
            self._write(octets)
            return
        self._gathered.append(octets)
        if record.levelno >= logging.WARNING:
            self._write_gathered()

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Lines that come inside the block are written in one go at its end, or with a warning."""
        if self._gathered is not None:
            yield
            return
        self._gathered = []
        try:
            yield
        finally:
            self._write_gathered()
            self._gathered = None

    def _write_gathered(self) -> None:
        if self._gathered:
            self._write(b"".join(self._gathered))
            self._gathered.clear()

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        super().close()

    def _write(self, line: bytes) -> None:
        try:
            if self._descriptor < 0:
                self._open()
            if self._size + len(line) > self._rotate_bytes:
                self._rotate()
            if self._lost:
                told = self.format(EventRecord(logging.ERROR, "log_lines_lost", {"n": self._lost}))
                line = f"{told}\n".encode() + line
            self._size += os.write(self._descriptor, line)
            self._lost = 0
        except OSError:
            self._lost += 1

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(self.path, flags, 0o600)
        found = os.fstat(self._descriptor)
        if found.st_mode & 0o077:
            os.fchmod(self._descriptor, 0o600)
        self._size = found.st_size

    def _rotate(self) -> None:
        if self.path.exists():  # else an earlier try moved it and could not open the next one
            for n in range(self._kept, 0, -1):
                older, newer = self._numbered(n), self._numbered(n - 1)
                if newer.exists():
                    newer.replace(older)
        previous = self._descriptor
        self._open()
        os.close(previous)

    def _numbered(self, n: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{n}") if n else self.path


def configure(
    level: str = "INFO",
    *,
    stream: TextIO | None = None,
    path: Path | None = None,
    as_json: bool = False,
) -> None:
    """Send our lines, and warnings of libraries, to `stream` and to the file at `path`.

    Replaces what an earlier call set up. Raises ConfigurationError for an unknown level.
    """
    if level.upper() not in LEVELS:
        raise ConfigurationError(f"'{level}' is no log level; there are {', '.join(LEVELS)}")
    handlers: list[logging.Handler] = []
    if stream is not None:
        handlers.append(logging.StreamHandler(stream))
    if path is not None:
        handlers.append(LogFile(path))
    unconfigure()
    # No line of ours shows them, and finding them out is a tenth of what a line costs.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    for handler in handlers:
        handler.setFormatter(JsonLines() if as_json else TextLines())
        root.addHandler(handler)
    _ours.extend(handlers)
    # Libraries log wire data and SQL parameters at DEBUG: never let through, whatever our level.
    root.setLevel(logging.WARNING)
    logging.getLogger(LOGGER).setLevel(level.upper())


def log_path() -> Path | None:
    """The file that our lines go to; None where they go to a stream alone."""
    return next((handler.path for handler in _ours if isinstance(handler, LogFile)), None)


@contextmanager
def gathered() -> Iterator[None]:
    """For many lines in a row: each write of its own would let another thread in between."""
    with ExitStack() as stack:
        for handler in _ours:
            if isinstance(handler, LogFile):
                stack.enter_context(handler.gathering())
        yield


@contextmanager
def warnings_also_in(path: Path, *, as_json: bool = False) -> Iterator[None]:
    """Our warnings are added to the file at `path`; what the program does with its log stays."""
    handler = LogFile(path, waits=True)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(JsonLines() if as_json else TextLines())
    ours = logging.getLogger(LOGGER)
    ours.addHandler(handler)
    try:
        yield
    finally:
        ours.removeHandler(handler)
        handler.close()


def unconfigure() -> None:
    """Take away what `configure` set up, and close its file."""
    for handler in _ours:
        logging.getLogger().removeHandler(handler)
        handler.close()
    _ours.clear()
    logging.getLogger(LOGGER).setLevel(logging.NOTSET)


_ours: list[logging.Handler] = []
