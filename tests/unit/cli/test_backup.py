"""`backup` and `restore`: one file, all of it, or nothing."""

from __future__ import annotations

import io
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mail_proxy.cli import archive
from mail_proxy.store import schema

SPOOLED = "ab/" + "0" * 32
GONE = "cd/" + "1" * 32


@pytest.fixture
def folder(cli) -> Path:
    """An instance with a row that names a spool file."""
    cli.instance("my")
    folder = cli.root / "my"
    (folder / "config.toml").write_text(f'name = "my"\nport = 8123\ndb_path = "{folder}/q.db"\n')
    (folder / "secret.key").write_text("canary-key")
    (folder / "spool" / "ab").mkdir(parents=True)
    (folder / "spool" / SPOOLED).write_bytes(b"x" * 300_000)
    with sqlite3.connect(folder / "q.db") as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA application_id = {0x4D505259}")
        db.execute("CREATE TABLE contents (message_pk INTEGER, spool TEXT)")
        db.execute("INSERT INTO contents VALUES (1, ?), (2, NULL)", (SPOOLED,))
    db.close()
    return folder


@pytest.fixture
def made(cli, folder: Path, tmp_path: Path) -> Path:
    path = tmp_path / "my.tar"
    assert cli("backup", "my", str(path)).code == 0
    return path


def names(path: Path) -> list[str]:
    with tarfile.open(path) as tar:
        return tar.getnames()


def test_a_backup_is_for_its_owner_alone_and_leaves_nothing_else(made: Path) -> None:
    assert made.stat().st_mode & 0o777 == 0o600
    assert names(made) == ["config.toml", f"spool/{SPOOLED}", "mail_service.db", "manifest.json"]
    assert [p.name for p in made.parent.iterdir() if p.name != "home"] == ["my.tar"]


def test_the_key_is_in_it_when_that_is_asked_for_and_it_is_said(
    cli, folder: Path, tmp_path: Path
) -> None:
    ran = cli("backup", "my", str(tmp_path / "k.tar"), "--with-key")
    assert "secret.key" in names(tmp_path / "k.tar")
    assert "reads all passwords" in ran.err
    assert cli("restore", "two", str(tmp_path / "k.tar")).code == 0
    assert (cli.root / "two" / "secret.key").read_text() == "canary-key"


def test_a_restored_instance_has_all_and_its_own_database(cli, made: Path) -> None:
    ran = cli("restore", "two", str(made), "--json")
    assert (ran.code, ran.json["from"], ran.json["spooled"]) == (0, "my", 1)
    folder = cli.root / "two"
    config = (folder / "config.toml").read_text()
    assert f'db_path = "{folder}/mail_service.db"' in config
    assert 'name = "two"' in config
    assert (folder / "spool" / SPOOLED).read_bytes() == b"x" * 300_000
    with sqlite3.connect(folder / "mail_service.db") as db:
        assert db.execute("SELECT count(*) FROM contents").fetchone() == (2,)
    db.close()
    for path in (folder, *folder.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
    assert "mail-proxy two suspend" in ran.err
    assert "secret.key" in ran.err


def test_an_instance_that_is_there_is_never_touched(cli, folder: Path, made: Path) -> None:
    before = (folder / "config.toml").read_text()
    assert cli("restore", "my", str(made)).code == 7
    (cli.root / "bare").mkdir()
    assert cli("restore", "bare", str(made)).code == 7
    assert (folder / "config.toml").read_text() == before


def test_a_file_that_is_there_is_never_replaced(cli, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "old.tar").write_text("mine")
    assert cli("backup", "my", str(tmp_path / "old.tar")).code == 7
    assert (tmp_path / "old.tar").read_text() == "mine"


def test_a_file_of_a_message_that_has_gone_meanwhile_is_no_fault(
    cli, folder: Path, tmp_path: Path, monkeypatch
) -> None:
    real = archive.copy_database

    def copied_before_it_went(source: Path, target: Path, progress) -> None:
        with sqlite3.connect(source) as db:
            db.execute("INSERT INTO contents VALUES (3, ?)", (GONE,))
            db.commit()
            real(source, target, progress)
            db.execute("DELETE FROM contents WHERE message_pk = 3")
        db.close()

    monkeypatch.setattr(archive, "copy_database", copied_before_it_went)
    assert cli("backup", "my", str(tmp_path / "b.tar")).code == 0
    assert cli("restore", "two", str(tmp_path / "b.tar")).code == 0


def test_a_file_that_a_message_lacks_is_told_and_the_rest_is_saved(
    cli, folder: Path, tmp_path: Path
) -> None:
    (folder / "spool" / SPOOLED).unlink()
    ran = cli("backup", "my", str(tmp_path / "b.tar"))
    assert ran.code == 6
    assert f"spool/{SPOOLED}" in ran.err
    assert cli("restore", "two", str(tmp_path / "b.tar")).code == 0


def cut(path: Path) -> bytes:
    return path.read_bytes()[:200_000]


def flipped(path: Path) -> bytes:
    content = bytearray(path.read_bytes())
    content[content.index(b"x" * 1000) + 500] ^= 1
    return bytes(content)


def with_a_stranger(path: Path) -> bytes:
    content = io.BytesIO(path.read_bytes())
    with tarfile.open(fileobj=content, mode="a") as tar:
        member = tarfile.TarInfo("../../outside")
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    return content.getvalue()


def with_a_link(path: Path) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        member = tarfile.TarInfo("secret.key")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)
    return content.getvalue()


@pytest.mark.parametrize("spoil", [cut, flipped, with_a_stranger, with_a_link, lambda _: b""])
def test_a_file_that_is_not_whole_makes_nothing(cli, made: Path, spoil) -> None:
    made.write_bytes(spoil(made))
    ran = cli("restore", "two", str(made))
    assert ran.code == 1
    assert "cannot be restored" in ran.err
    assert sorted(path.name for path in cli.root.iterdir()) == ["my"]
    assert not (cli.root.parent / "outside").exists()


def test_a_damaged_database_is_not_saved_as_good(cli, folder: Path, tmp_path: Path) -> None:
    content = bytearray((folder / "q.db").read_bytes())
    content[4096:8192] = b"\xff" * 4096
    (folder / "q.db").write_bytes(content)
    ran = cli("backup", "my", str(tmp_path / "b.tar"))
    assert ran.code == 1
    assert not (tmp_path / "b.tar").exists()


def test_what_is_not_there_is_told(cli, folder: Path, tmp_path: Path) -> None:
    assert cli("backup", "mi", str(tmp_path / "b.tar")).code == 4
    assert cli("restore", "two", str(tmp_path / "absent.tar")).code == 4
    assert cli("backup", "my", str(tmp_path / "absent" / "b.tar")).code == 4
    (folder / "q.db").unlink()
    assert "never started" in cli("backup", "my", str(tmp_path / "b.tar")).err


def test_progress_is_shown_to_a_person(cli, folder: Path, tmp_path: Path) -> None:
    assert "database: 100 %" in cli("backup", "my", str(tmp_path / "b.tar"), typed="").err
    assert "%" not in cli("backup", "my", str(tmp_path / "c.tar")).err


def test_what_takes_long_and_has_no_steps_shows_that_it_goes_on(
    cli, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    checked_during: list[str] = []
    check = archive.check_database

    @contextmanager
    def spinner(_: object, text: str) -> Iterator[None]:
        shown.append(text)
        yield
        shown.pop()

    def checked(path: Path) -> None:
        checked_during.extend(shown)
        check(path)

    monkeypatch.setattr("mail_proxy.cli.backup.spinner", spinner)
    monkeypatch.setattr(archive, "check_database", checked)
    assert cli("backup", "my", str(tmp_path / "b.tar")).code == 0
    assert cli("restore", "your", str(tmp_path / "b.tar")).code == 0
    assert checked_during == ["checking the copy", "restoring and checking 'your'"]


def test_a_database_is_known_by_the_mark_that_the_store_gives_it() -> None:
    assert archive._APPLICATION_ID == schema.APPLICATION_ID


def test_the_copy_is_of_one_moment_however_much_is_written_meanwhile(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(archive, "_PAGES", 1)
    source, target = tmp_path / "live.db", tmp_path / "copy.db"
    steps = 0
    with sqlite3.connect(source) as live:
        live.execute("PRAGMA journal_mode = WAL")
        live.execute("CREATE TABLE contents (message_pk INTEGER, spool TEXT)")
        live.executemany("INSERT INTO contents VALUES (?, ?)", [(n, "x" * 900) for n in range(50)])
        live.commit()

        def write_meanwhile(*_: object) -> None:
            nonlocal steps
            steps += 1
            live.execute("INSERT INTO contents VALUES (?, ?)", (1000 + steps, "y" * 900))
            live.execute("UPDATE contents SET spool = 'z' WHERE message_pk = ?", (steps % 50,))
            live.commit()

        archive.copy_database(source, target, write_meanwhile)
    live.close()
    assert 5 < steps < 50  # it is not begun anew by each write
    with sqlite3.connect(target) as copy:
        rows = copy.execute(
            "SELECT count(*), count(*) FILTER (WHERE spool LIKE 'x%') FROM contents"
        )
        assert rows.fetchone() == (50, 50)
    copy.close()
