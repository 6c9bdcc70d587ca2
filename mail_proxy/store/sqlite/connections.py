"""Connections to the file: one that writes, a few that read."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, Engine, FromClause, create_engine, event
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, QueuePool

from mail_proxy.store.schema import APPLICATION_ID

# In this order, before the first table. The journal comes last: only then is the application_id
# in the file itself, where it is looked for.
_FOR_NEW = (
    "PRAGMA auto_vacuum = INCREMENTAL",
    f"PRAGMA application_id = {APPLICATION_ID}",
    "PRAGMA journal_mode = WAL",
)
_FOR_ALL = (
    "PRAGMA busy_timeout = 5000",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA temp_store = MEMORY",
)
# WAL with NORMAL makes no sync at a commit, so what was answered would be lost with the power.
_FOR_WRITER = (
    # A request may wait for the turn before its own as well: together the 5 s that it may take.
    "PRAGMA busy_timeout = 2400",
    "PRAGMA synchronous = FULL",
    "PRAGMA journal_size_limit = 67108864",  # a burst leaves no giant -wal behind
)
_FOR_READER = ("PRAGMA query_only = ON",)


def make_new(path: Path) -> None:
    """Mark an empty file as ours."""
    conn = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in _FOR_NEW:
            conn.execute(pragma)
    finally:
        conn.close()


def open_writer(path: Path) -> Connection:
    """The one writing connection; each of its transactions takes the write lock as it begins."""
    engine = create_engine(
        f"sqlite:///{path}",
        # The connection passes from the thread that opens it to the one that uses it.
        connect_args={"check_same_thread": False, "cached_statements": 256},
        poolclass=NullPool,
    )
    # BEGIN alone would fail at once when it reads first and another process wrote meanwhile,
    # whatever the busy timeout says.
    _prepare(engine, (*_FOR_ALL, *_FOR_WRITER), begin="BEGIN IMMEDIATE")
    return engine.connect()


def open_readers(path: Path, n: int) -> Engine:
    """`n` connections that cannot write; each transaction sees one moment of the database."""
    engine = create_engine(
        f"sqlite:///{path}",
        # A connection passes from one of the readers' threads to another.
        connect_args={"check_same_thread": False, "cached_statements": 256},
        poolclass=QueuePool,
        pool_size=n,
        max_overflow=0,
    )
    _prepare(engine, (*_FOR_ALL, *_FOR_READER), begin="BEGIN")
    return engine


class _Compiler(SQLiteCompiler):
    """Writes `INDEXED BY` where a statement names its index.

    Without statistics SQLite prefers the primary key to a partial index, and walks all the rows
    of a tenant to find the few that the index holds.
    """

    def get_from_hint_text(self, table: FromClause, text: str | None) -> str | None:  # noqa: ARG002
        return text


def _prepare(engine: Engine, pragmas: Sequence[str], *, begin: str) -> None:
    engine.dialect.statement_compiler = _Compiler

    def on_connect(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    def on_begin(conn: Connection) -> None:
        conn.exec_driver_sql(begin)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
