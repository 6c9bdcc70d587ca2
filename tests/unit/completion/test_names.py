"""Names of this machine for the Tab key: read fast, read only, and never one that a shell could
take for more."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mail_proxy.completion import names
from mail_proxy.completion.answer import answer
from mail_proxy.config.current import Current, current, keep_current
from tests.patience import PATIENCE_S

HOSTILE = [
    "\\$(touch x)",
    "$(touch x)",
    "`touch x`",
    "a b",
    'a"b',
    "a'b",
    "a;b",
    "a\tb",
    "a\nb",
    "-rf",
]


def make(root: Path, name: str, config: str = "") -> Path:
    (root / name).mkdir(parents=True)
    (root / name / "config.toml").write_text(config)
    return root / name / "mail_service.db"


def fill(path: Path, *tenants: str, is_wal: bool = False) -> sqlite3.Connection:
    db = sqlite3.connect(path)
    if is_wal:
        db.execute("PRAGMA journal_mode=WAL")
    db.execute("CREATE TABLE tenants (tenant_id TEXT PRIMARY KEY) WITHOUT ROWID")
    db.execute("CREATE TABLE accounts (tenant_id TEXT, account_id TEXT)")
    db.execute("CREATE TABLE messages (tenant_id TEXT, id TEXT)")
    db.executemany("INSERT INTO tenants VALUES (?)", [(name,) for name in tenants])
    db.commit()
    return db


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def db(root: Path) -> Iterator[sqlite3.Connection]:
    with closing(fill(make(root, "my"), "acme", "acme-eu", "zeta", *HOSTILE)) as opened:
        yield opened


def typed(root: Path, *words: str, **environ: str) -> list[str]:
    lines = answer(words, {"MAIL_PROXY_HOME": str(root), **environ})
    return [line.split("\t")[0] for line in lines]


def test_instances_are_folders_with_a_configuration(root: Path) -> None:
    make(root, "my")
    make(root, "mail2")
    make(root, "Bad$(x)")
    (root / "mere-folder").mkdir()
    assert names.instances(str(root), "") == ["mail2", "my"]
    assert names.instances(str(root), "my") == ["my"]
    assert "my" in typed(root, "m")


def test_tenants_come_from_the_database_and_hostile_ones_do_not(root: Path, db: object) -> None:
    assert typed(root, "my", "acme") == ["acme", "acme-eu"]
    offered = typed(root, "my", "")
    assert {"acme", "acme-eu", "zeta", "stats"} <= set(offered)
    assert set(offered).isdisjoint(HOSTILE)


def test_accounts_and_messages_are_those_of_the_tenant(root: Path, db: sqlite3.Connection) -> None:
    db.executemany(
        "INSERT INTO accounts VALUES (?, ?)",
        [("acme", "main"), ("zeta", "bulk"), *(("acme", name) for name in HOSTILE)],
    )
    ids = ["<20261121@shop.example>", "2026-1182", "order.7@shop", "-rf", "$(touch x)"]
    db.executemany("INSERT INTO messages VALUES ('acme', ?)", [(name,) for name in ids])
    db.commit()
    assert typed(root, "my", "acme", "accounts", "show", "") == ["main"]
    assert typed(root, "my", "acme", "messages", "show", "") == ["2026-1182", "order.7@shop"]
    assert typed(root, "my", "acme", "messages", "show", "2") == ["2026-1182"]


def test_what_is_typed_is_no_pattern_and_no_sql(root: Path, db: object) -> None:
    assert typed(root, "my", "%") == []
    assert typed(root, "my", "a'--") == []
    assert typed(root, "my", "acm_") == []


def test_at_most_500_are_offered(root: Path) -> None:
    fill(make(root, "my"), *(f"t{n:04}" for n in range(600))).close()
    assert len(typed(root, "my", "t0")) == names.LIMIT == 500


def test_looking_makes_no_file_and_sees_what_a_daemon_has_just_written(root: Path) -> None:
    path = make(root, "my")
    writer = fill(path, "acme", is_wal=True)
    try:
        assert typed(root, "my", "ac")[-1] == "acme"
    finally:
        writer.close()  # which takes the files of the WAL away
    before = sorted(path.parent.iterdir())
    assert typed(root, "my", "ac")[-1] == "acme"
    assert sorted(path.parent.iterdir()) == before


@pytest.mark.slow
def test_a_locked_database_costs_a_tenth_of_a_second(root: Path) -> None:
    db = fill(make(root, "my"), "acme", is_wal=True)
    db.execute("PRAGMA locking_mode=EXCLUSIVE")
    db.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    code = "from mail_proxy.completion.answer import main; main(['--', 'my', 'ac'])"
    environ = {"MAIL_PROXY_HOME": str(root), "PYTHONPATH": ":".join(sys.path)}
    told = subprocess.run(
        [sys.executable, "-c", code],
        env=environ,
        capture_output=True,
        check=True,
        timeout=PATIENCE_S,
    )
    assert (told.stdout, told.stderr) == (b"activate\tLet it send again\n", b"")
    assert time.monotonic() - began < 4.5  # SQLite's own patience is 5 s
    db.close()


def test_a_database_elsewhere_is_found_as_the_settings_say(tmp_path: Path, root: Path) -> None:
    elsewhere = tmp_path / "elsewhere.db"
    fill(elsewhere, "moved").close()
    make(root, "my", f'port = 8000\ndb_path = "{elsewhere}"\n')
    make(root, "other")
    assert typed(root, "my", "mov") == ["moved"]
    assert typed(root, "other", "mov", GMP_DB_PATH=str(elsewhere)) == ["moved"]
    assert typed(root, "other", "mov", GMP_DATABASE_URL=f"sqlite:///{elsewhere}") == ["moved"]
    environ = {"GMP_DATABASE_URL": "postgresql://db/x"}
    assert names.database(str(root), "other", environ) == ""


def test_what_is_chosen_is_what_the_command_line_takes_for_chosen(root: Path) -> None:
    make(root, "my")
    keep_current(root, Current("my", "acme"))
    for environ in (
        {},
        {"GMP_INSTANCE": "other"},
        {"GMP_TENANT": "zeta"},
        {"GMP_INSTANCE": "my"},
        {"GMP_INSTANCE": "other", "GMP_TENANT": "zeta"},
    ):
        meant = current(root, environ)
        assert meant is not None
        assert names.chosen(str(root), environ) == (meant.instance, meant.tenant_id)
    assert names.chosen(str(root), {"GMP_INSTANCE": "../x"}) == ("", "")


def test_another_home_is_that_of_the_line(tmp_path: Path, root: Path) -> None:
    make(tmp_path / "second", "there")
    assert typed(root, "--home", str(tmp_path / "second"), "th") == ["there"]
    assert typed(root, f"--home={tmp_path / 'second'}", "th") == ["there"]


@pytest.mark.slow
@pytest.mark.parametrize("line", [[], ["--"], ["--", "nosuch", ""], ["--", "my", "acme", "x", ""]])
def test_whatever_is_wrong_it_is_silent(tmp_path: Path, line: list[str]) -> None:
    make(tmp_path, "my").write_text("this is no database")
    told = subprocess.run(
        [sys.executable, "-m", "mail_proxy", "__complete", *line],
        env={"MAIL_PROXY_HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=True,
        timeout=PATIENCE_S,
    )
    assert told.stderr == b""


_MODULES = """
import sys
{first}
before = set(sys.modules)
sys.argv = ["mail-proxy", "__complete", "--", *{words!r}]
from mail_proxy.__main__ import main
try:
    main()
except SystemExit as end:
    print(end.code, *sorted(set(sys.modules) - before), file=sys.stderr)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "first"),
    [
        (["st"], "import __future__, collections.abc, json, os, re"),
        (["my", "acme", "send", ""], "import __future__, collections.abc, json, os, re"),
        (["my", "ac"], "import __future__, collections.abc, json, os, re, sqlite3"),
    ],
)
def test_the_way_to_an_answer_imports_next_to_nothing(
    root: Path, db: object, words: list[str], first: str
) -> None:
    told = subprocess.run(
        [sys.executable, "-S", "-c", _MODULES.format(words=words, first=first)],
        env={"MAIL_PROXY_HOME": str(root), "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    code, *modules = told.stderr.split()
    assert code == "0"
    assert told.stdout
    assert set(modules) == {
        "mail_proxy",
        "mail_proxy.__main__",
        "mail_proxy.completion",
        "mail_proxy.completion.answer",
        "mail_proxy.completion.line",
        "mail_proxy.completion.names",
    }
