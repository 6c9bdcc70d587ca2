"""Files that only their owner may read, replaced whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

# How files of ours are opened, never through a link.
MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: a pipe that was planted under the name must not stop us.
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def write_private(path: Path, content: bytes) -> None:
    """Put `content` under `path`, 0600 and on the disk when this returns. Raises OSError."""
    with replacing_private(path) as file:
        file.write(content)


@contextmanager
def replacing_private(path: Path) -> Iterator[BinaryIO]:
    """A file, 0600, that takes the name when the block has ended well. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def read_private(path: Path, *, limit: int) -> bytes | None:
    """At most `limit` bytes of a regular file that is no link; None when there is none.

    Raises OSError.
    """
    try:
        descriptor = os.open(path, READ)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(limit)


def open_to_append(path: Path) -> int:
    """A descriptor for a log file, 0600, never through a link. Raises OSError."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o600)
    os.fchmod(descriptor, 0o600)
    os.set_blocking(descriptor, True)
    return descriptor


def remove_folder(folder: Path) -> None:
    """With all that is in it; of a link nothing but the link. Raises OSError."""
    if folder.is_symlink():
        folder.unlink()
    else:
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)  # follows no link below it


def sync_folder(folder: Path) -> None:
    """The names in it are on the disk when this returns. Raises OSError."""
    # Without it a power loss may leave the old name in place.
    descriptor = os.open(folder, FOLDER)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
