"""Files of the host: opened only where they lie below a folder that is allowed, without a link.

Each part of the path is opened from the descriptor of the one before it (`openat`, O_NOFOLLOW), so
nobody can put a link in the way between the check and the opening. Everything here blocks.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from mail_proxy.attachments.failures import FetchFailed
from mail_proxy.private_files import FOLDER, READ

_NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR})
_REFUSED = {
    errno.ELOOP: "the path leads through a symbolic link",
    errno.EMLINK: "the path leads through a symbolic link",
    errno.ENAMETOOLONG: "the path is too long",
    errno.ENXIO: "it is no regular file",
}
_MAX_PARTS = 128


class Opened:
    """A regular file. `close` may come while another thread reads: that one closes it then.

    So a read that hangs holds up nobody who closes.
    """

    def __init__(self, descriptor: int, size_bytes: int) -> None:
        self._file = os.fdopen(descriptor, "rb", buffering=0)
        self._lock = threading.Lock()
        self._is_given_up = False
        self.size_bytes = size_bytes

    def read(self, n: int) -> bytes:
        """At most `n` octets more; none at the end. Raises FetchFailed."""
        try:
            return self._read(n)
        finally:
            if self._is_given_up:
                self.close()

    def _read(self, n: int) -> bytes:
        with self._lock:
            try:
                return b"" if self._file.closed else self._file.read(n)
            except OSError as error:
                raise _failure(error) from error

    def close(self) -> None:
        self._is_given_up = True
        if self._lock.acquire(blocking=False):
            try:
                self._file.close()
            finally:
                self._lock.release()


def open_inside(folders: Sequence[Path], location: str) -> Opened:
    """The file at `location`: absolute below one of the folders, or relative to the first that
    has it. Raises FetchFailed.

    What is outside is refused by its name alone, so the answer tells nothing of the host.
    """
    found = [(folder, parts) for folder in folders if (parts := _parts(folder, location))]
    if not found:
        raise FetchFailed(
            "the path is not inside a folder that attachments may come from", is_permanent=True
        )
    missing: FetchFailed | None = None
    for folder, parts in found:
        try:
            return _open(folder, parts)
        except FileNotFoundError:
            missing = FetchFailed("there is no such file", is_permanent=True)
        except OSError as error:
            raise _failure(error) from error
    assert missing is not None
    raise missing


def _parts(folder: Path, location: str) -> tuple[str, ...]:
    """The path below the folder; empty where it is none."""
    if "\0" in location or not _is_name(location):
        return ()
    # Not normalised: what `a/../b` means depends on what `a` is.
    path = PurePosixPath(location)
    if ".." in path.parts:
        return ()
    if path.is_absolute():
        if not path.is_relative_to(folder):
            return ()
        path = path.relative_to(folder)
    return path.parts if len(path.parts) <= _MAX_PARTS else ()


def _is_name(location: str) -> bool:
    try:
        os.fsencode(location)
    except UnicodeEncodeError:  # half a surrogate pair
        return False
    return True


def _open(folder: Path, parts: tuple[str, ...]) -> Opened:
    """Raises OSError and FetchFailed."""
    here = os.open(folder, FOLDER)  # the folder itself is the admin's, links and all
    try:
        owner = os.fstat(here).st_uid
        for part in parts[:-1]:
            try:
                deeper = os.open(part, FOLDER | os.O_NOFOLLOW, dir_fd=here)
            except NotADirectoryError:
                _refuse_link(part, here)
                raise FileNotFoundError from None
            os.close(here)
            here = deeper
        descriptor = os.open(parts[-1], READ | os.O_NOCTTY, dir_fd=here)
    finally:
        os.close(here)
    try:
        return Opened(descriptor, _checked(os.fstat(descriptor), owner))
    except BaseException:
        os.close(descriptor)
        raise


def _refuse_link(part: str, here: int) -> None:
    """O_DIRECTORY with O_NOFOLLOW says of a link that it is no folder."""
    if stat.S_ISLNK(os.stat(part, dir_fd=here, follow_symlinks=False).st_mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _checked(found: os.stat_result, owner: int) -> int:
    """Its size. Raises FetchFailed.

    owner: of the folder that the path begins at.
    """
    if not stat.S_ISREG(found.st_mode):
        raise FetchFailed("it is no regular file", is_permanent=True)
    # Whoever may write here could give a second name to somebody else's file, and so have us read
    # it. The owner of the folder may have links: it could as well have copied the file.
    if found.st_nlink > 1 and found.st_uid != owner:
        raise FetchFailed(
            "the file has several names and another owner than its folder", is_permanent=True
        )
    return found.st_size


def _failure(error: OSError) -> FetchFailed:
    if error.errno in _REFUSED:
        return FetchFailed(_REFUSED[error.errno], is_permanent=True)
    if error.errno in _NOT_THERE:
        return FetchFailed("there is no such file", is_permanent=True)
    # Rights that somebody will mend, a share that is away, no descriptors left: not for good.
    why = os.strerror(error.errno) if error.errno else "it failed"
    return FetchFailed(f"the file cannot be read: {why}", is_permanent=False)
