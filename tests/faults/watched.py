"""Whether anybody opens a file, as the kernel tells it (inotify, Linux)."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Self

_IN_ACCESS = 0x1
_IN_OPEN = 0x20
_ROOM = 65_536


class Watched:
    """Use as `with`. By whatever path it is reached, links too."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._libc = ctypes.CDLL(None, use_errno=True)

    def __enter__(self) -> Self:
        self._descriptor = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        mask = _IN_ACCESS | _IN_OPEN
        if self._libc.inotify_add_watch(self._descriptor, os.fsencode(self._path), mask) < 0:
            raise OSError(ctypes.get_errno(), "inotify_add_watch", str(self._path))
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    @property
    def was_opened(self) -> bool:
        """Since the last time this was asked."""
        try:
            return bool(os.read(self._descriptor, _ROOM))
        except BlockingIOError:
            return False
