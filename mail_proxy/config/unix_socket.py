"""The instance's control socket as a file: who may connect is who may open it.

Binding and connecting take paths of any length. Standard library only; the CLI loads it.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mail_proxy.domain.command_line import shell_line
from mail_proxy.domain.errors import ConfigurationError

# `sun_path` holds 108 bytes on Linux and 104 elsewhere, the closing NUL included.
LONGEST_PATH_BYTES = 103
_BACKLOG = 128
_PROBE_S = 1.0


@contextmanager
def address_of(path: Path) -> Iterator[str]:
    """An address for `bind` and `connect`, good inside the block.

    A path that is too long is reached through the descriptor of its folder.
    """
    if len(os.fsencode(path)) <= LONGEST_PATH_BYTES:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def connect(path: Path, timeout_s: float) -> socket.socket:
    """A connection whose every operation ends within `timeout_s`. Raises OSError."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        with address_of(path) as address:
            connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """A listening socket at `path`, mode 0600; the file goes when the block ends.

    Raises ConfigurationError where the path cannot be used.
    """
    path = path.absolute()  # a daemon changes its folder between the two ends of the block
    try:
        _make_room(path)
        with address_of(path) as address:
            server = _bind(address)
            made = path.lstat()
            try:
                yield server
            finally:
                server.close()
                _remove_own(path, made)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {path}: {error.strerror or error}",
            hint=shell_line("ls", "-la", path.parent),
        ) from error


def _bind(address: str) -> socket.socket:
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The file must never exist with wider rights, so the mask and not a later chmod.
    mask = os.umask(0o177)
    try:
        server.bind(address)
        server.listen(_BACKLOG)
    except BaseException:
        server.close()
        raise
    finally:
        os.umask(mask)
    return server


def _make_room(path: Path) -> None:
    """Remove the socket that a killed daemon left; nothing else is ever removed."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise ConfigurationError(
            f"{path} is in the way: it is not a socket", hint=shell_line("ls", "-l", path)
        )
    if _answers(path):
        raise ConfigurationError(f"another daemon already answers at {path}")
    path.unlink()


def _answers(path: Path) -> bool:
    try:
        connect(path, _PROBE_S).close()
    except (TimeoutError, BlockingIOError):
        return True  # its backlog is full: busy, not dead
    except OSError:
        return False
    return True


def _remove_own(path: Path, made: os.stat_result) -> None:
    """Remove the file unless another daemon has put its own there since."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if (found.st_ino, found.st_dev) == (made.st_ino, made.st_dev):
        path.unlink()
