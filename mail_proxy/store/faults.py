"""Errors of SQLAlchemy and its drivers, translated once: beyond the store nobody sees them."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from mail_proxy.domain.errors import StoreError, StoreFull, StoreUnavailable

_AWAY = {
    sqlite3.SQLITE_BUSY: "the database is locked by another process",
    sqlite3.SQLITE_LOCKED: "the database is locked",
    sqlite3.SQLITE_READONLY: "the database cannot be written to: it is read-only",
    sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened",
    sqlite3.SQLITE_PROTOCOL: "the database is busy with a lock of another process",
    sqlite3.SQLITE_NOMEM: "no memory is left for the database",
    sqlite3.SQLITE_INTERRUPT: "the database was interrupted",
}
_FULL = {
    sqlite3.SQLITE_FULL: "no room is left for the database",
    sqlite3.SQLITE_IOERR: "the disk of the database failed",
}
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
# The last two: a lone surrogate, or a number over 64 bits, which no database takes.
_FOREIGN = (SQLAlchemyError, sqlite3.Error, UnicodeEncodeError, OverflowError)


def translated(error: Exception) -> Exception:
    """The StoreError for a foreign error; our own ones and bugs come back as they are."""
    if isinstance(error, DBAPIError) and isinstance(error.orig, sqlite3.Error):
        return _from_sqlite(error.orig)
    if isinstance(error, sqlite3.Error):
        return _from_sqlite(error)
    if isinstance(error, _FOREIGN):
        return StoreError(f"the database refused a statement: {error}")
    return error


@contextmanager
def store_errors() -> Iterator[None]:
    """Raise StoreError and its kinds instead of the libraries' errors."""
    try:
        yield
    except _FOREIGN as error:
        raise translated(error) from error


@contextmanager
def disk_errors() -> Iterator[None]:
    """The same for files beside the database: StoreFull, or StoreUnavailable."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StoreFull(f"no room is left for what was posted ({error})") from error
        raise StoreUnavailable(f"the spool cannot be used ({error})") from error


def _from_sqlite(error: sqlite3.Error) -> StoreError:
    # The low byte is the kind; the rest, as in SQLITE_IOERR_WRITE, says where. No code at all:
    # the driver itself refused.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _AWAY:
        return StoreUnavailable(f"{_AWAY[code]} ({error})")
    if code in _FULL:
        return StoreFull(f"{_FULL[code]} ({error})")
    if code in _DAMAGED:
        return StoreError(
            f"the database is damaged ({error})", hint="restore it from the last backup"
        )
    return StoreError(f"the database failed: {error}")
