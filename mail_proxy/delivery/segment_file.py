"""One file of the attempt journal: its room is taken at its making, its lines are put into memory.

The file is mapped, so a line costs no call of the system, and the event loop does not offer the
interpreter's lock to others four times a message. What was put there is the file's, as after a
write: `kill -9` takes none of it away. A full disk is met by `make`, and by nothing after it.

Behind the last line are zeros. The line break is put there last: what has none is torn.
"""

from __future__ import annotations

import errno
import mmap
import os
from pathlib import Path
from typing import Self

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_ZEROS = bytes(65536)
_BREAK = ord("\n")
NEW = ".new"  # added to the name of a file that has no first line yet


class SegmentFile:
    """Made by `make`, ended by `close`; nothing may be put after that."""

    def __init__(self, path: Path, descriptor: int, size_bytes: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._size = size_bytes
        self._room = mmap.mmap(descriptor, size_bytes)
        self._end = 0  # of what was put

    @classmethod
    def make(cls, path: Path, size_bytes: int, first: bytes) -> Self:
        """A new file, 0600, which has its first line from when it has its name.

        Raises OSError, and leaves none, where there is no room.
        """
        new = path.with_name(path.name + NEW)
        descriptor = os.open(new, _FLAGS, 0o600)
        try:
            _take_room(descriptor, size_bytes)
            made = cls(path, descriptor, size_bytes)
            made.put(first)
            new.rename(path)
        except OSError:
            os.close(descriptor)
            new.unlink(missing_ok=True)
            raise
        return made

    def has_room_for(self, line: bytes) -> bool:
        return self._end + len(line) <= self._size

    def put(self, line: bytes) -> None:
        """There must be room for it. It ends in a line break, and has no other."""
        last = self._end + len(line) - 1
        self._room[self._end : last] = line[:-1]
        self._room[last] = _BREAK
        self._end = last + 1

    def check(self) -> None:
        """Raises OSError for a file that somebody removed or cut: it keeps nothing any more."""
        found = os.fstat(self._descriptor)
        if found.st_nlink == 0:
            raise OSError("its file was removed")
        if found.st_size < self._size:
            raise OSError("its file was cut")

    def close(self) -> None:
        self._room.close()
        os.close(self._descriptor)


def _take_room(descriptor: int, size_bytes: int) -> None:
    """Blocks of the disk, not only a length: a page that has none would kill us when it is used."""
    try:
        os.posix_fallocate(descriptor, 0, size_bytes)
    except AttributeError:  # not on every system
        _write_zeros(descriptor, size_bytes)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # nor on every file system
            raise
        _write_zeros(descriptor, size_bytes)


def _write_zeros(descriptor: int, size_bytes: int) -> None:
    left = size_bytes
    while left:
        left -= os.write(descriptor, _ZEROS[:left])
