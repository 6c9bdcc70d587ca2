"""The SQLite file of an instance, looked at and never written to.

`mode=ro` lets SQLite write nothing into the database. Beside a database in WAL mode it would still
make the file `-shm`; so where no `-wal` lies there, which is after a clean stop, the file is opened
as one that does not change, and where one lies there, as a killed daemon leaves it, its `-shm` is
read and not made.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiosqlite

from mail_proxy.domain.errors import StoreUnavailable

TIMEOUT_S = 1.0  # for a lock: a daemon that lives answers by itself

Row = Mapping[str, Any]


class Database:
    """Opened for each look, so that it never holds what a daemon that starts needs."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()

    @property
    def uri(self) -> str:
        """How it is opened now."""
        wal = self._path.with_name(f"{self._path.name}-wal")
        how = "readonly_shm=1" if wal.exists() else "immutable=1"
        return f"file:{quote(str(self._path))}?mode=ro&{how}"

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Look]:
        """Raises StoreUnavailable where there is no such file, or it cannot be read."""
        connection = aiosqlite.connect(self.uri, uri=True, timeout=TIMEOUT_S)
        try:
            async with connection:
                connection.row_factory = sqlite3.Row
                yield Look(connection)
        except sqlite3.Error as error:
            raise StoreUnavailable(
                f"{self._path} cannot be read: {error}", hint=f"ls -l {self._path}"
            ) from error
        finally:
            # aiosqlite does not wait for its thread after a failed or a cancelled opening; the
            # thread's last word would come to a closed event loop.
            connection._thread.join()


class Look:
    """One connection, for a few reads."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def rows(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """All of them; each has its columns by name."""
        async with self._connection.execute(statement, tuple(values)) as cursor:
            return [dict(row) async for row in cursor]

    async def row(self, statement: str, values: Sequence[object] = ()) -> Row | None:
        """The first."""
        async with self._connection.execute(statement, tuple(values)) as cursor:
            found = await cursor.fetchone()
        return None if found is None else dict(found)
