"""The files of the disk tier: `<tenant>/<content>-<random>`, both names hashes. It blocks.

What lies in the folder is not trusted: names that are not ours are left alone, links are not
followed, and a content is taken only when it has its MD5.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mail_proxy.attachments.workfiles import Algorithm, Hashing, Octets
from mail_proxy.domain.content import BLOCK_BYTES
from mail_proxy.private_files import MAKE, READ

_TENANT = re.compile(r"[0-9a-f]{32}\Z")
_CONTENT = re.compile(r"([0-9a-f]{64})-[0-9a-f]{16}\Z")
_NEW = ".new"  # the end of a name whose file is not whole yet


@dataclass(frozen=True, slots=True)
class Identity:
    """A file that has not been touched since has the same."""

    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> Identity:
        return cls(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class Found:
    """A file of an earlier run, not verified."""

    name: str  # of the content
    path: Path
    size_bytes: int
    stored_at: float


def content_name(tenant_id: str, md5: str) -> str:
    """The same MD5 of two tenants has two names."""
    return hashlib.sha256(f"{tenant_id}\0{md5}".encode()).hexdigest()


def tenant_name(tenant_id: str) -> str:
    return hashlib.sha256(tenant_id.encode()).hexdigest()[:32]


def scan(folder: Path) -> list[Found]:
    """What is there, oldest first; what is half written is removed. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = [file for shelf in _shelves(folder) for file in _files(shelf)]
    return sorted(found, key=lambda file: (file.stored_at, file.name))


def store(folder: Path, tenant_id: str, md5: str, octets: Octets) -> tuple[Path, Identity]:
    """Put the octets there; a file of them is moved. Raises OSError, and leaves nothing then."""
    shelf = folder / tenant_name(tenant_id)
    shelf.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not stat.S_ISDIR(shelf.lstat().st_mode):
        raise OSError(errno.ENOTDIR, "a link lies where a folder should be")
    path = shelf / f"{content_name(tenant_id, md5)}-{os.urandom(8).hex()}"
    if octets.path is None:
        _write(path, iter([octets.data or b""]))
    else:
        _move(octets.path, path)
    return path, Identity.of(path.lstat())


def verify(path: Path, md5: str, known: Identity | None) -> Identity | None:
    """The file that has the octets of that MD5; None: it has others. Raises OSError where there is
    none.

    known: what was verified before; a file that nobody touched since is not read again.
    """
    with os.fdopen(os.open(path, READ), "rb", buffering=0) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            return None
        identity = Identity.of(found)
        if known == identity:
            return known
        hashing = Hashing(Algorithm.MD5)
        while block := file.read(BLOCK_BYTES):
            hashing.update(block)
    return identity if hashing.hash().hex == md5 else None


def remove(path: Path) -> None:
    """What cannot be removed is found by the next scan."""
    with suppress(OSError):
        path.unlink()


def _shelves(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if _TENANT.match(entry.name) and entry.is_dir(follow_symlinks=False):
                yield Path(entry.path)


def _files(shelf: Path) -> Iterator[Found]:
    with suppress(OSError), os.scandir(shelf) as entries:
        for entry in entries:
            if not entry.is_file(follow_symlinks=False):
                continue
            if entry.name.endswith(_NEW) and _CONTENT.match(entry.name.removesuffix(_NEW)):
                remove(Path(entry.path))
            elif named := _CONTENT.match(entry.name):
                found = entry.stat(follow_symlinks=False)
                yield Found(named[1], Path(entry.path), found.st_size, found.st_mtime)


def _move(source: Path, path: Path) -> None:
    try:
        source.rename(path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with os.fdopen(os.open(source, READ), "rb", buffering=0) as file:
            _write(path, iter(lambda: file.read(BLOCK_BYTES), b""))
        source.unlink()


def _write(path: Path, blocks: Iterator[bytes]) -> None:
    new = path.with_name(path.name + _NEW)
    try:
        with os.fdopen(os.open(new, MAKE, 0o600), "wb") as file:
            for block in blocks:
                file.write(block)
        new.rename(path)
    except BaseException:
        remove(new)
        raise
