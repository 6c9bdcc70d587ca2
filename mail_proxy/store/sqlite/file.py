"""The database file before it is opened: whose it is, and who may read it.

A file is ours when its header carries our application_id, which is written before all else. Nothing
else is ever opened for writing, so another program's file stays as it is.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from urllib.parse import quote

from mail_proxy.domain.command_line import shell_line
from mail_proxy.domain.errors import ConfigurationError, ForeignDatabase, StoreUnavailable
from mail_proxy.store.schema import APPLICATION_ID

_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_ID = slice(68, 72)  # application_id in the header, big endian


def prepare_file(path: Path) -> bool:
    """Check the file, or make it, readable by its owner only; True when it is new.

    Raises ForeignDatabase, ConfigurationError (a folder, no folder) or
    StoreUnavailable (no rights).
    """
    try:
        is_new = _claim_file(path)
        _close_to_others(path)
    except PermissionError as error:
        raise StoreUnavailable(
            f"no rights to the database {path}", hint=shell_line("ls", "-ld", path.parent, path)
        ) from error
    except OSError as error:
        raise StoreUnavailable(f"cannot open the database {path}: {error.strerror}") from error
    return is_new


def _claim_file(path: Path) -> bool:
    if path.is_dir():
        raise ConfigurationError(f"the database {path} is a folder, not a file")
    if not path.parent.is_dir():
        raise ConfigurationError(f"the folder of the database does not exist: {path.parent}")
    if not path.exists():
        # SQLite gives -wal and -shm the rights of this file.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        return True
    if not stat.S_ISREG(path.stat().st_mode):
        raise ConfigurationError(f"the database {path} is not a regular file")
    return _is_unused(path)


def _is_unused(path: Path) -> bool:
    """True for a file that we may fill, False for one of ours."""
    with path.open("r+b") as file:  # for writing: a file that is read-only is of no use
        header = file.read(_HEADER_BYTES)
    if not header:
        return True
    if not header.startswith(_MAGIC):
        raise ForeignDatabase(f"{path} is not an SQLite database; it was not touched")
    application = int.from_bytes(header[_ID], "big")
    if application == APPLICATION_ID:
        return False
    if application or _has_tables(path):
        raise ForeignDatabase(f"{path} is another program's database; it was not touched")
    return True


def _has_tables(path: Path) -> bool:
    # immutable: no lock is taken, and no -wal or -shm is made beside another program's file.
    wal = path.with_name(path.name + "-wal")
    if wal.exists() and wal.stat().st_size:
        return True
    uri = f"file:{quote(str(path))}?mode=ro&immutable=1"
    try:
        conn = sqlite3.connect(uri, uri=True)
        try:
            return conn.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is not None
        finally:
            conn.close()
    except sqlite3.DatabaseError as error:
        raise ForeignDatabase(f"{path} is not a readable SQLite database ({error})") from error


def _close_to_others(path: Path) -> None:
    for file in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        if file.exists() and file.stat().st_mode & 0o077:
            file.chmod(0o600)
