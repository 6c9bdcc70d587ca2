"""A backup of an instance as one tar file: made while its daemon runs, and read again.

The rows are copied first, at one moment, then the spool files that they name: a file is there
before its row is, so what the copied rows name was there. A file that has gone since went with its
message. The manifest comes last and tells each member's size and SHA-256, so a file with a manifest
is whole. Not in it: the attempt journal. What was on its way at the moment of the copy is in doubt
after a restore, and each account says what becomes of such mail.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO

from mail_proxy import __version__
from mail_proxy.cli.errors import CommandFailed

FORMAT = 1
MANIFEST, DATABASE, CONFIG, KEY = "manifest.json", "mail_service.db", "config.toml", "secret.key"
SPOOL = re.compile(r"spool/[0-9a-f]{2}/[0-9a-f]{32}\Z")
_APPLICATION_ID = 0x4D505259  # of our databases, as store.schema has it
_PAGES = 4096  # in one step of the copy: 16 MiB between two signs of life
_BLOCK_BYTES = 1 << 20
_MANIFEST_LIMIT = 1 << 28

Progress = Callable[[str, int, int], None]  # what, how many are done, of how many


@dataclass(slots=True)
class Manifest:
    """members: name -> (bytes, SHA-256). gone: spool files that went with their messages meanwhile.

    missing: spool files that a message has and that are not there.
    """

    name: str
    created_at: float
    members: dict[str, tuple[int, str]] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def has_key(self) -> bool:
        return KEY in self.members

    @property
    def spooled(self) -> int:
        return sum(name.startswith("spool/") for name in self.members)

    def encoded(self) -> bytes:
        told = {"format": FORMAT, "version": __version__, "name": self.name}
        told |= {"created_at": self.created_at, "members": self.members}
        told |= {"gone": self.gone, "missing": self.missing}
        return json.dumps(told).encode()

    @classmethod
    def decoded(cls, text: bytes) -> Manifest:
        """Raises CommandFailed for what no backup of ours holds."""
        try:
            told: Any = json.loads(text)
            if told["format"] != FORMAT:
                raise CommandFailed(f"its format is {told['format']}, made by {told['version']}")
            members = {str(n): (int(size), str(sha)) for n, (size, sha) in told["members"].items()}
            gone, missing = ([str(n) for n in told[key]] for key in ("gone", "missing"))
            return cls(str(told["name"]), float(told["created_at"]), members, gone, missing)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CommandFailed("its manifest cannot be read") from error


# --- the database ---


def copy_database(source: Path, target: Path, progress: Progress) -> None:
    """The database at one moment, while others write to it. Raises sqlite3.Error."""
    with closing(_reading(source)) as live, closing(sqlite3.connect(target)) as copy:
        target.chmod(0o600)
        # An open read keeps the moment: else each write of others begins the copy anew.
        live.execute("BEGIN")
        live.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        live.backup(
            copy,
            pages=_PAGES,
            progress=lambda _, left, of: progress("database", of - left, of),
        )


def check_database(path: Path) -> None:
    """Raises CommandFailed for a file that is damaged or not ours."""
    try:
        with closing(_immutable(path)) as db:
            (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
            (application_id,) = db.execute("PRAGMA application_id").fetchone()
    except sqlite3.DatabaseError as error:
        raise CommandFailed(f"the copied database cannot be read: {error}") from error
    if found != "ok":
        raise CommandFailed(f"the copied database is damaged: {found}")
    if application_id != _APPLICATION_ID:
        raise CommandFailed("the copied database is another program's")


def spooled_names(copy: Path) -> list[str]:
    """The spool files that its rows name, as `aa/<32 hex digits>`."""
    with closing(_immutable(copy)) as db:
        rows = db.execute("SELECT DISTINCT spool FROM contents WHERE spool IS NOT NULL")
        return [name for (name,) in rows if SPOOL.match(f"spool/{name}")]


def _still_named(source: Path, name: str) -> bool:
    with closing(_reading(source)) as live:
        row = live.execute("SELECT 1 FROM contents WHERE spool = ?", (name,)).fetchone()
        return row is not None


def _reading(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=30.0)


def _immutable(path: Path) -> sqlite3.Connection:
    # Nobody else knows the file, so nothing is to be laid beside it.
    return sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)


# --- the tar file ---


class _Hashing(io.RawIOBase):
    """Reads a file and hashes what was read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.sha = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(size)
        self.sha.update(data)
        return data


@dataclass(slots=True)
class ArchiveWriter:
    """Puts members into `tar` and into the manifest."""

    tar: tarfile.TarFile
    manifest: Manifest

    def add(self, name: str, path: Path) -> None:
        """Raises OSError, FileNotFoundError among them."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags), "rb") as file:
            self._put(name, file, os.fstat(file.fileno()).st_size)

    def add_bytes(self, name: str, content: bytes) -> None:
        self._put(name, io.BytesIO(content), len(content))

    def add_spooled(self, source: Path, folder: Path, names: list[str], tell: Progress) -> None:
        """The spool files of the copied rows; `source`: the live database."""
        for n, name in enumerate(names, start=1):
            try:
                self.add(f"spool/{name}", folder / name)
            except FileNotFoundError:
                is_missing = _still_named(source, name)
                (self.manifest.missing if is_missing else self.manifest.gone).append(name)
            tell("files", n, len(names))

    def end(self) -> None:
        content = self.manifest.encoded()
        member = tarfile.TarInfo(MANIFEST)
        member.size, member.mode = len(content), 0o600
        self.tar.addfile(member, io.BytesIO(content))

    def _put(self, name: str, file: BinaryIO, size: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        member.mtime = int(self.manifest.created_at)
        hashing = _Hashing(file)
        self.tar.addfile(member, hashing)
        self.manifest.members[name] = (size, hashing.sha.hexdigest())


def read_archive(file: BinaryIO, folder: Path | None = None) -> Manifest:
    """Read all of it, and put its files below `folder`, 0600, if one is given.

    Raises CommandFailed when it is no backup, not whole or not what its manifest tells.
    """
    seen: dict[str, tuple[int, str]] = {}
    manifest: Manifest | None = None
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            for member, content in _members(tar):
                if member.name == MANIFEST:
                    manifest = Manifest.decoded(content.read(_MANIFEST_LIMIT))
                else:
                    seen[member.name] = _read(member, content, folder)
    except (tarfile.TarError, EOFError) as error:
        raise CommandFailed(f"it is no whole tar file: {error}") from error
    if manifest is None:
        raise CommandFailed("it has no manifest: it is no backup, or its end is missing")
    if seen != manifest.members:
        wrong = sorted(seen.items() ^ manifest.members.items())
        raise CommandFailed(f"'{wrong[0][0]}' is not what the manifest tells")
    return manifest


def _members(tar: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    for member in tar:
        is_known = member.name in (MANIFEST, DATABASE, CONFIG, KEY) or SPOOL.match(member.name)
        content = tar.extractfile(member) if is_known and member.isreg() else None
        if content is None:
            raise CommandFailed(f"'{member.name[:100]}' does not belong into a backup")
        yield member, content


def _read(member: tarfile.TarInfo, content: IO[bytes], folder: Path | None) -> tuple[int, str]:
    hashing = _Hashing(content)
    if folder is None:
        while hashing.read(_BLOCK_BYTES):
            pass
    else:
        target = folder / member.name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(target, flags, 0o600), "wb") as file:
            shutil.copyfileobj(hashing, file, _BLOCK_BYTES)
            file.flush()
            os.fsync(file.fileno())
    return member.size, hashing.sha.hexdigest()
