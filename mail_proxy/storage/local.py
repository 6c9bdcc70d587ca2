"""Files in a folder of this machine. No link of the file system below that folder is followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mail_proxy.private_files import FOLDER, MAKE, READ
from mail_proxy.storage.errors import NotStored, StorageFailed
from mail_proxy.storage.objects import Digest, Shown

# Who may read the folder may read the files, so that another web server can; nobody may write.
_FOLDER_MODE, _FILE_MODE = 0o2755, 0o644
_PART = ".part"  # what the name of a file ends with that is not whole yet


class LocalObjects:
    """Below `base`: an absolute path, made when it is first needed."""

    def __init__(self, base: Path) -> None:
        self._base = base

    def write(self, key: str, blocks: Iterator[bytes], mime_type: str) -> None:  # noqa: ARG002
        """Whole and synced, or not there: under another name until then."""
        *folders, name = _parts(key)
        with _translated("write"), self._opened(folders, make=True) as folder:
            _remove_parts(folder)
            temporary = f".{os.urandom(8).hex()}{_PART}"
            file = os.open(temporary, MAKE, 0o600, dir_fd=folder)
            try:
                with os.fdopen(file, "wb", buffering=0) as opened:
                    for block in blocks:
                        _write_all(opened.fileno(), block)
                    os.fchmod(opened.fileno(), self._mode() & _FILE_MODE)
                    os.fsync(opened.fileno())
                os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=folder)
                raise
            os.fsync(folder)

    def check(self, key: str, digest: Digest) -> None:
        file = self.open(key)
        try:
            if os.fstat(file).st_size != digest.size_bytes:
                raise NotStored("a stored file has another size")
        finally:
            os.close(file)

    def link(self, key: str, shown: Shown, *, expires_s: int) -> str:  # noqa: ARG002
        raise StorageFailed("a folder makes no links of its own: public_base_url is needed")

    def remove(self, key: str) -> None:
        """With the folder of its own that it lies in, and what a crash has left there."""
        *folders, own, _ = _parts(key)
        with _translated("remove"):
            try:
                with self._opened(folders, make=False) as parent:
                    self._empty(parent, own)
                    os.rmdir(own, dir_fd=parent)
                    os.fsync(parent)
            except FileNotFoundError:
                return

    def open(self, key: str) -> int:
        """A descriptor of the file, a regular one; the caller's to close. Raises NotStored."""
        *folders, name = _parts(key)
        try:
            with self._opened(folders, make=False) as folder:
                file = os.open(name, READ, dir_fd=folder)
        except OSError as error:
            raise NotStored("there is no such file") from error
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise NotStored("there is no such file")
        return file

    def _mode(self) -> int:
        return stat.S_IMODE(self._base.stat().st_mode)

    @staticmethod
    def _empty(parent: int, own: str) -> None:
        folder = os.open(own, FOLDER | os.O_NOFOLLOW, dir_fd=parent)
        try:
            for name in os.listdir(folder):  # noqa: PTH208 - a descriptor, no path
                os.unlink(name, dir_fd=folder)
        finally:
            os.close(folder)

    @contextmanager
    def _opened(self, folders: list[str], *, make: bool) -> Iterator[int]:
        """The descriptor of a folder below the base, each step without following a link."""
        if make:
            self._base.mkdir(mode=0o700, parents=True, exist_ok=True)
        at = os.open(self._base, FOLDER)
        try:
            for name in folders:
                following = self._step(at, name, make=make)
                os.close(at)
                at = following
            yield at
        finally:
            os.close(at)

    def _step(self, at: int, name: str, *, make: bool) -> int:
        is_new = False
        if make:
            with suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=at)
                is_new = True
        folder = os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=at)
        if is_new:
            os.fchmod(folder, self._mode() & _FOLDER_MODE)
            os.fsync(at)
        return folder


def _parts(key: str) -> list[str]:
    parts = key.split("/")
    if len(parts) < 2 or any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise StorageFailed("a key of a stored file is none of ours")
    return parts


def _remove_parts(folder: int) -> None:
    """What a crash has left of earlier uploads of the file, which has this folder to itself."""
    for name in os.listdir(folder):
        if name.endswith(_PART):
            os.unlink(name, dir_fd=folder)


def _write_all(file: int, block: bytes) -> None:
    rest = memoryview(block)
    while rest:
        rest = rest[os.write(file, rest) :]


@contextmanager
def _translated(verb: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFailed(f"cannot {verb} a file: {error.strerror}", detail=str(error)) from error
