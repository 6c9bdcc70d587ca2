"""Open the database: whose file it is, tables, key, and then the store that works on it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import Connection

from mail_proxy.config.processes import boot_id
from mail_proxy.domain.clock import Clock, SystemClock
from mail_proxy.domain.errors import ConfigurationError
from mail_proxy.secrets import Keyring
from mail_proxy.store.db import MailProxyDb
from mail_proxy.store.faults import store_errors
from mail_proxy.store.instance import KEY_CHECK, get_setting, set_setting
from mail_proxy.store.migrate import migrate
from mail_proxy.store.readers import READERS, Readers
from mail_proxy.store.sqlite.check import check_budget_s, check_file
from mail_proxy.store.sqlite.connections import make_new, open_readers, open_writer
from mail_proxy.store.sqlite.file import prepare_file
from mail_proxy.store.steady import Steady, settle
from mail_proxy.store.writer import Writer


async def open_store(database: str, *, keyring: Keyring, clock: Clock | None = None) -> MailProxyDb:
    """The store in the file `database`, a path or `sqlite:///path`; made when it is absent.

    The keyring is settled: with a lost or wrong key the store opens, and its secrets do not.
    Raises ForeignDatabase, ConfigurationError, StoreUnavailable, StoreFull, or StoreError for a
    damaged file.
    """
    path = path_of(database)
    clock = clock or SystemClock()
    conn, steady = await asyncio.to_thread(_open, path, keyring, clock)
    readers = Readers(open_readers(path, READERS))
    return MailProxyDb(Writer(conn), readers, keyring, clock, steady)


def path_of(database: str) -> Path:
    """The file that a setting names. Raises ConfigurationError for another kind of database."""
    if "://" in database and not database.startswith("sqlite:///"):
        raise ConfigurationError(
            f"this kind of database is not supported: {database.partition(':')[0]}",
            hint="give the path of an SQLite file, or sqlite:///path",
        )
    return Path(database.removeprefix("sqlite:///"))


def _open(path: Path, keyring: Keyring, clock: Clock) -> tuple[Connection, Steady]:
    with store_errors():
        if prepare_file(path):
            make_new(path)
        budget_s = check_budget_s(path)
        conn = open_writer(path)
        try:
            check_file(conn, budget_s)
            migrate(conn)
            with conn.begin():
                _settle(conn, keyring)
                steady = settle(conn, clock, boot_id())
        except BaseException:
            conn.close()
            raise
        return conn, steady


def _settle(conn: Connection, keyring: Keyring) -> None:
    recorded = get_setting(conn, KEY_CHECK, keyring)
    check = keyring.settle(recorded)
    if check != recorded:
        set_setting(conn, KEY_CHECK, check, secret=False, keyring=keyring)
