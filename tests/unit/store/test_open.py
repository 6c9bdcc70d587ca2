"""Opening: whose file it is, its rights, its settings, and what is wrong with it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mail_proxy.domain.errors import (
    ConfigurationError,
    ForeignDatabase,
    StoreError,
    StoreUnavailable,
)
from mail_proxy.secrets import Keyring
from mail_proxy.store import open_store
from mail_proxy.store.schema import APPLICATION_ID


@pytest.fixture
def fresh(tmp_path: Path):
    """A keyring as a new process has it."""
    return lambda: Keyring(b"k" * 32, tmp_path / "secret.key")


def pragma(path: Path, name: str) -> object:
    with closing(sqlite3.connect(path)) as conn:
        return conn.execute(f"PRAGMA {name}").fetchone()[0]


async def test_a_new_file_is_ours_and_only_its_owner_reads_it(path, fresh):
    before = os.umask(0)
    try:
        async with await open_store(str(path), keyring=fresh()) as store:
            await store.set_setting("a", 1)
            files = {file.name: file.stat().st_mode & 0o777 for file in path.parent.glob("queue*")}
    finally:
        os.umask(before)

    assert files == {"queue.db": 0o600, "queue.db-wal": 0o600, "queue.db-shm": 0o600}
    assert pragma(path, "application_id") == APPLICATION_ID
    assert pragma(path, "auto_vacuum") == 2
    assert pragma(path, "journal_mode") == "wal"


async def test_an_empty_file_is_filled(path, fresh):
    path.touch()

    async with await open_store(f"sqlite:///{path}", keyring=fresh()) as store:
        assert await store.list_tenants() == []

    assert path.stat().st_mode & 0o777 == 0o600


async def test_what_was_stored_is_there_when_it_is_opened_again(path, fresh):
    async with await open_store(str(path), keyring=fresh()) as store:
        await store.set_setting("a", {"b": 1})

    async with await open_store(str(path), keyring=fresh()) as store:
        assert await store.get_setting("a") == {"b": 1}


async def test_commits_are_synced(path, fresh, conn):
    assert conn.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    assert conn.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


async def test_a_crash_after_the_file_was_marked_does_no_harm(path, fresh):
    with closing(sqlite3.connect(path)) as conn:
        conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")

    async with await open_store(str(path), keyring=fresh()) as store:
        assert await store.list_tenants() == []


async def test_a_file_that_is_no_database_is_refused_by_name_and_untouched(path, fresh):
    path.write_bytes(b"a letter to my aunt" * 50)

    with pytest.raises(ForeignDatabase, match=str(path)):
        await open_store(str(path), keyring=fresh())

    assert path.read_bytes() == b"a letter to my aunt" * 50


@pytest.mark.parametrize("application_id", [0, 4711])
@pytest.mark.parametrize("journal", ["delete", "wal"])
async def test_another_programs_database_is_refused_and_untouched(
    path, fresh, application_id, journal
):
    with closing(sqlite3.connect(path)) as conn:
        conn.execute(f"PRAGMA journal_mode = {journal}")
        conn.execute(f"PRAGMA application_id = {application_id}")
        conn.execute("CREATE TABLE theirs (x)")
        conn.commit()
    before = path.read_bytes()

    with pytest.raises(ForeignDatabase, match=f"{path} is another program's"):
        await open_store(str(path), keyring=fresh())

    assert path.read_bytes() == before
    assert [file.name for file in path.parent.glob("queue*")] == ["queue.db"]


async def test_another_programs_database_that_is_in_use_is_refused(path, fresh):
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA journal_mode = wal")
        conn.execute("CREATE TABLE theirs (x)")  # in the -wal file alone
        conn.commit()

        with pytest.raises(ForeignDatabase):
            await open_store(str(path), keyring=fresh())


async def test_a_folder_is_no_database(tmp_path, fresh):
    with pytest.raises(ConfigurationError, match="is a folder"):
        await open_store(str(tmp_path), keyring=fresh())


async def test_a_folder_that_does_not_exist_is_named(tmp_path, fresh):
    with pytest.raises(ConfigurationError, match=str(tmp_path / "none")):
        await open_store(str(tmp_path / "none" / "queue.db"), keyring=fresh())


async def test_a_pipe_is_no_database(path, fresh):
    os.mkfifo(path)

    with pytest.raises(ConfigurationError, match="regular file"):
        await open_store(str(path), keyring=fresh())


async def test_a_place_that_cannot_be_written_to_is_told(fresh):
    with pytest.raises(StoreUnavailable, match="/proc/queue"):
        await open_store("/proc/queue.db", keyring=fresh())


async def test_another_kind_of_database_is_refused(fresh):
    with pytest.raises(ConfigurationError, match="not supported: mysql"):
        await open_store("mysql://localhost/x", keyring=fresh())


async def test_a_damaged_file_is_told_and_not_opened(path, fresh):
    async with await open_store(str(path), keyring=fresh()):
        pass
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 3000)

    with pytest.raises(StoreError, match="damaged"):
        await open_store(str(path), keyring=fresh())


async def test_a_file_of_ours_that_others_can_read_is_closed_to_them(path, fresh):
    async with await open_store(str(path), keyring=fresh()):
        pass
    path.chmod(0o644)

    async with await open_store(str(path), keyring=fresh()):
        assert path.stat().st_mode & 0o777 == 0o600


async def test_the_keyring_is_settled_with_what_was_recorded(path, tmp_path, fresh):
    first = fresh()
    async with await open_store(str(path), keyring=first):
        pass
    wrong = Keyring(b"w" * 32, tmp_path / "other.key")
    again = fresh()

    async with await open_store(str(path), keyring=wrong):
        pass
    async with await open_store(str(path), keyring=again):
        pass

    assert (first.is_usable, wrong.is_usable, again.is_usable) == (True, False, True)


@pytest.mark.parametrize("was_killed", [False, True])
async def test_a_file_with_a_damaged_page_is_told_and_not_opened(path, fresh, was_killed):
    async with await open_store(str(path), keyring=fresh()):
        pass
    with path.open("r+b") as file:
        file.seek(4096 * 9)
        file.write(b"\xff" * 200)
    if was_killed:
        path.with_name(path.name + "-wal").write_bytes(b"left behind")

    with pytest.raises(StoreError, match="the database is damaged"):
        await open_store(str(path), keyring=fresh())
