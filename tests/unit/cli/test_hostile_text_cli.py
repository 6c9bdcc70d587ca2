"""Text of an enemy in the database of an instance, and every command that shows it."""

from __future__ import annotations

import io
import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from mail_proxy.cli.main import run
from mail_proxy.cli.ways import RealDoors
from mail_proxy.config.instances import Instance, instance_named
from tests.hostile import TEXTS, forbidden, without_colours

pytestmark = pytest.mark.slow

# Words alone; `{text}` is what the enemy wrote, `--` keeps it from being an option.
_LISTS = (
    "list", "status", "doctor my", "my info", "my stats", "my logs", "my config show",
    "my command-log list", "my command-log export", "my tenants list", "my tenants show acme",
    "my tenants keys list acme", "my reports list", "my reports status", "my cache stats",
    "my acme info", "my acme messages list", "my acme messages list --fields id,subject,batch_code",
    "my acme messages list --filter state:failed", "my acme reports list", "my acme reports status",
    "my acme suppressions list", "my acme suppressions export", "my acme accounts list",
    "my acme accounts show main", "my acme messages hold --filter state:ready --dry-run",
    "my acme messages retry --filter state:failed --dry-run",
)  # fmt: skip
_ABOUT_ONE = (
    "my acme messages show -- {text}", "my acme messages why -- {text}",
    "my acme messages hold -- {text}", "my acme messages retry -- {text}",
    "my acme messages settle --as sent -- {text}", "my acme messages delete -- {text}",
    "my acme accounts show -- {text}", "my acme accounts delete -- {text}",
    "my acme accounts pause -- {text}", "my acme accounts resume -- {text}",
    "my tenants show -- {text}", "my tenants delete -- {text}", "my tenants keys list -- {text}",
    "my tenants keys revoke acme -- {text}", "my acme suppressions remove -- {text}",
    "my acme suspend --batch {text}", "my acme messages list --filter {text}",
    "my acme messages list --sort {text}", "my acme messages list --fields {text}",
    "{text}", "my {text} messages list", "start -- {text}", "help {text}", "use -- {text}",
    "--debug start -- {text}", "my config set {text} x", "my acme reports replay -- {text}",
)  # fmt: skip
_FORMATS = ("table", "plain", "csv", "json", "jsonl")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class World:
    """An instance at rest whose database an enemy has written into."""

    def __init__(self, folder: Path) -> None:
        self.environ = {"MAIL_PROXY_HOME": str(folder), "HOME": str(folder), "TERM": "xterm"}
        self.environ |= {"PAGER": "", "PATH": "/usr/bin:/bin"}
        self.instance: Instance = instance_named("my", folder)
        self.instance.folder.mkdir(parents=True)
        self.instance.config_path.write_text("")

    def __call__(self, *argv: str, is_terminal: bool = True) -> tuple[int, str, str]:
        """Every question is answered with no."""
        make = _Terminal if is_terminal else io.StringIO
        out, err = make(), make()
        stdin = _Terminal("n\n" * 9)
        code = run(argv, environ=self.environ, stdin=stdin, stdout=out, stderr=err)
        return int(code), out.getvalue(), err.getvalue()

    def call(self, command: str, **fields: Any) -> dict[str, Any]:
        control = RealDoors().control(self.instance, self.environ)
        try:
            return control.call(command, **fields)
        finally:
            control.close()


def _insert(db: sqlite3.Connection, table: str, like: str, **values: object) -> None:
    """A copy of the first row that is `like`, with these values in it."""
    names = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    given = ", ".join(f":{name}" if name in values else f'"{name}"' for name in names)
    db.execute(f"INSERT INTO {table} SELECT {given} FROM {table} WHERE {like} LIMIT 1", values)


def _poison(db: sqlite3.Connection, number: int, text: str) -> None:
    now = time.time()
    told = json.dumps({"error": text, "deferred_reason": text, "by": text, "new_id": text})
    values = {"text": text, "now": now, "was": f"m{number}", "pk": 1000 + number, "told": told}
    values["state"] = ("waiting", "held", "failed")[number % 3]
    db.execute(
        "UPDATE recipients SET address = :text, reply = :text, state = 'refused', reply_code = 550 "
        "WHERE message_pk = (SELECT pk FROM messages WHERE id = :was)",
        values,
    )
    db.execute(
        "INSERT INTO events (tenant_id, pk, message_pk, message_id, account_id, priority, "
        "event_type, event_ts, description, data, report_state) SELECT tenant_id, :pk, pk, :text, "
        ":text, 2, 'deferred', :now, :text, :told, 'parked' FROM messages WHERE id = :was",
        values,
    )
    db.execute(
        "UPDATE messages SET id = :text, batch_code = :text, sender = :text, subject = :text, "
        "return_path = :text, error = :text, error_code = 550, error_at = :now, state = :state, "
        "held_reason = :text, request_id = :text, account_id = :text WHERE id = :was",
        values,
    )
    _insert(db, "tenants", "tenant_id = 'acme'", tenant_id=text, name=text, client_base_url=text)
    _insert(
        db, "accounts", "account_id = 'main'", account_id=text, host=text, user=text,
        imap_host=text, imap_user=text, paused_reason=text, paused_until=now + 900, failures=3,
        stopped_reason=text, stopped_at=now, capabilities=json.dumps([text]),
    )  # fmt: skip
    _insert(db, "suppressions", "reason = 'first'", address=text, reason=text)
    _insert(db, "suspensions", "batch_code = 'b1'", batch_code=text)
    _insert(db, "api_keys", "key_id = 'first'", key_id=text, name=text, prefix=text,
            token_sha256=text)  # fmt: skip
    _insert(db, "command_log", "endpoint LIKE '%tenant%'", pk=9000 + number, id=9000 + number,
            endpoint=text, caller=text, request_id=text,
            payload=json.dumps({text: text}))  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = World(tmp_path_factory.mktemp("hostile") / "home")
    made.call("addTenant", id="acme", name="Acme")
    made.call("addAccount", tenant_id="acme", id="main", host="127.0.0.1", port=25)
    letter = {"account_id": "main", "from": "a@example.com", "to": "bob@example.com"}
    posted = [{"id": f"m{n}", "subject": "s", "body": "b", **letter} for n in range(len(TEXTS))]
    assert made.call("addMessages", tenant_id="acme", messages=posted)["queued"] == len(TEXTS)
    first = [{"address": "x@example.com", "reason": "first"}]
    made.call("addSuppressions", tenant_id="acme", addresses=first)
    made.call("suspend", tenant_id="acme", batch_code="b1")
    with sqlite3.connect(made.instance.folder / "mail_service.db") as db:
        for number, text in enumerate(TEXTS.values()):
            _poison(db, number, text)
    db.close()
    # A line of the log is one line: its writer escapes the ends of lines.
    replies = [" ".join(re.split(r"[\r\n]+", text)) for text in TEXTS.values()]
    lines = [f"2026-11-21T12:04:31.000Z INFO x reply={reply}\n" for reply in replies]
    made.instance.log_path.write_text("".join(lines))
    return made


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where what is executed would leave its mark."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    yield
    assert [path.name for path in tmp_path.iterdir()] in ([], ["home"])


# What counts while a person waits goes back to the begin of its own line.
_PROGRESS = re.compile(r"\r[a-z]+:? [0-9]+(?: %)?|\r +\r")


def _assert_harmless(text: str, *, has_lines: bool = False) -> None:
    """has_lines: of CSV, whose cells may have several."""
    assert not forbidden(_PROGRESS.sub("", text))
    begun = [line for line in text.splitlines() if line.startswith(("error: forged", "over"))]
    assert has_lines or not begun


@pytest.mark.parametrize("format_", _FORMATS)
@pytest.mark.parametrize("line", _LISTS)
def test_a_list_shows_it_without_its_powers(world: World, line: str, format_: str) -> None:
    code, out, err = world(*line.split(), "--output", format_)
    assert "internal error" not in err
    assert code in (0, 1, 3)
    # Cells of programs are parted by tabs.
    is_csv = format_ == "csv" or line.endswith("suppressions export")
    _assert_harmless(out.replace("\t", " "), has_lines=is_csv)
    _assert_harmless(err)


@pytest.mark.parametrize("line", [line for line in _LISTS if "export" not in line])
def test_what_people_read_is_as_harmless_in_a_pipe(world: World, line: str) -> None:
    _, out, err = world(*line.split(), "--output", "table", is_terminal=False)
    _assert_harmless(out)
    _assert_harmless(err)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("line", _ABOUT_ONE)
def test_a_command_about_it_names_it_without_its_powers(world: World, line: str, name: str) -> None:
    argv = [word.replace("{text}", TEXTS[name].replace("\0", "")) for word in line.split()]
    for is_terminal in (True, False):
        _, out, err = world(*argv, "--output", "table", is_terminal=is_terminal)
        assert "internal error" not in err
        if is_terminal or "--debug" not in argv:
            _assert_harmless(out)
            _assert_harmless(err)


@pytest.mark.parametrize(
    ("line", "column"),
    [("my acme messages list", "id"), ("my acme accounts list", "id"), ("my tenants list", "id")],
)
def test_no_row_is_hidden_and_columns_stay_in_line(world: World, line: str, column: str) -> None:
    _, told, _ = world(*line.split(), "--json")
    ids = [each[column] for each in json.loads(told)]
    assert set(TEXTS.values()) <= set(ids)
    _, plain, _ = world(*line.split(), "--output", "plain", "--fields", column)
    assert len(plain.splitlines()) == len(ids)
    assert all(plain.splitlines())


def test_columns_of_a_table_stay_in_line(cli: Any, make_message: Callable[..., Any]) -> None:
    short = {name: text for name, text in TEXTS.items() if name != "long"}
    message = cli.instance("my").messages
    for name, text in short.items():
        message[name] = make_message(text, batch_code=text)
        message[name]["message"]["subject"] = text
    ran = cli("my", "acme", "messages", "list", "--output", "table", "--fields", "id,status")
    heading, *rows = without_colours(ran.out).splitlines()
    assert len(rows) == len(short)
    start = heading.index("STATE")
    for row in rows:
        before = row[: row.rindex("pending")]
        assert cell_len(before) == start, row
        assert "keep" in before
