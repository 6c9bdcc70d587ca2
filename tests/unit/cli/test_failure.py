from __future__ import annotations

import errno
import io
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mail_proxy.cli.main import run
from mail_proxy.domain.errors import (
    ConfigurationError,
    Conflict,
    ForeignDatabase,
    Invalid,
    NotRunning,
    StoreError,
)


def test_an_error_is_a_sentence_and_the_next_command(cli) -> None:
    world = cli.instance("my")
    world.fails_with = NotRunning("'my' does not answer", hint="mail-proxy start my")
    ran = cli("my", "stats")
    assert ran.code == 3
    assert ran.out == ""
    assert ran.err == "error: 'my' does not answer\n  try: mail-proxy start my\n"


def test_an_error_from_outside_cannot_speak_to_the_terminal(cli) -> None:
    world = cli.instance("my")
    world.fails_with = Conflict("\x1b]0;owned\x07 no\nerror: all is well")
    ran = cli("my", "stats")
    assert ran.code == 7
    assert ran.err == "error: ]0;owned no error: all is well\n"


def test_an_unforeseen_error_goes_to_a_file_that_only_its_owner_reads(cli) -> None:
    world = cli.instance("my")
    world.fails_with = KeyError("broken")
    ran = cli("my", "acme", "accounts", "add", "x", "--host", "h", "--password", "hunter2")
    assert ran.code == 1
    assert "Traceback" not in ran.err
    assert "error: internal error KeyError in 'my acme accounts add'" in ran.err
    (path,) = (cli.root / "my").glob("crash-*.txt")
    assert f"  file: {path}" in ran.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert "Traceback" in text
    assert "hunter2" not in text


def test_debug_shows_the_traceback(cli) -> None:
    world = cli.instance("my")
    world.fails_with = StoreError("bad page")
    ran = cli("my", "stats", "--debug")
    assert "Traceback" in ran.err
    assert ran.err.endswith("error: bad page\n")


def test_ctrl_c_exits_130(cli) -> None:
    world = cli.instance("my")

    class Pressed(io.StringIO):
        def isatty(self) -> bool:
            return True

        def readline(self, *_: int) -> str:
            raise KeyboardInterrupt

    err = Pressed()
    code = run(
        ["my", "suspend"],
        doors=cli.doors,
        environ=cli.environ,
        stdin=Pressed(),
        stdout=io.StringIO(),
        stderr=err,
    )
    assert code == 130
    assert err.getvalue().endswith("\nCancelled, nothing was changed.\n")
    assert world.calls == []


def test_a_reader_that_goes_away_is_no_error(cli) -> None:
    cli.instance("my")

    class Closed(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    err = io.StringIO()
    code = run(
        ["my", "stats"],
        doors=cli.doors,
        environ=cli.environ,
        stdin=io.StringIO(),
        stdout=Closed(),
        stderr=err,
    )
    assert (code, err.getvalue()) == (0, "")


def test_colour_is_on_the_word_error_alone(cli) -> None:
    ran = cli("nosuch", "--color", "always", "info")
    assert ran.err.startswith("\x1b[31merror\x1b[0m: no instance")


def test_a_bad_global_option_is_told_like_any_other(cli) -> None:
    ran = cli("list", "--output", "yaml")
    assert ran.code == 2
    assert ran.err.startswith("error: --output 'yaml' is not one of table, plain")


def test_a_failure_is_a_document_too(cli) -> None:
    world = cli.instance("my")
    world.fails_with = Invalid("name: too long", field="name", hint="mail-proxy my info")
    ran = cli("my", "stats", "--json")
    assert ran.json == {
        "ok": False,
        "error": "name: too long",
        "code": "invalid",
        "field": "name",
        "hint": "mail-proxy my info",
        "exit_code": 2,
    }
    assert ran.err == "error: name: too long\n  try: mail-proxy my info\n"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (("nosuch", "info"), 4),
        (("my", "nosuch", "accounts", "lst"), 2),
        (("my", "stats", "--nosuch"), 2),
        (("list", "--output", "yaml"), 2),
        (("my", "acme", "messages", "list", "--limit", "-1"), 2),
        (("my", "suspend"), 2),
    ],
)
def test_every_failure_is_one_document_with_its_exit_code(cli, line, code) -> None:
    cli.instance("my")
    ran = cli(*line, "--json")
    assert (ran.code, ran.json["exit_code"], ran.json["ok"]) == (code, code, False)
    assert ran.json["error"] in ran.err


def test_an_unforeseen_error_is_a_document_too(cli) -> None:
    cli.instance("my").fails_with = KeyError("broken")
    ran = cli("my", "stats", "--json")
    assert (ran.code, ran.json["code"]) == (1, "internal")


def test_advice_that_is_no_command_is_not_called_one(cli) -> None:
    world = cli.instance("my")
    world.fails_with = StoreError("the database is damaged", hint="restore it from the last backup")
    ran = cli("my", "stats")
    assert ran.err == "error: the database is damaged\n  restore it from the last backup\n"


def test_a_foreign_database_is_named_with_the_way_around_it(cli) -> None:
    cli.instance("my").fails_with = ForeignDatabase("/x/mail.db is another program's database")
    ran = cli("my", "stats")
    assert "/x/mail.db" in ran.err
    assert "GMP_DB_PATH" in ran.err
    assert "try:" not in ran.err


def test_missing_rights_exit_5_wherever_they_are_missing(cli) -> None:
    world = cli.instance("my")
    error = ConfigurationError("cannot read /x: Permission denied")
    error.__cause__ = PermissionError(errno.EACCES, "Permission denied", "/x")
    for failure in (error, PermissionError(errno.EACCES, "Permission denied", "/x")):
        world.fails_with = failure
        ran = cli("my", "stats")
        assert ran.code == 5
        assert ran.err.endswith("  try: ls -ld /x\n")


def test_a_full_disk_is_told(cli) -> None:
    cli.instance("my")

    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    for line in (["my", "stats"], ["list", "--json"], ["my", "acme", "accounts", "list"]):
        err = io.StringIO()
        code = run(
            line,
            doors=cli.doors,
            environ=cli.environ,
            stdin=io.StringIO(),
            stdout=Full(),
            stderr=err,
        )
        assert code == 1
        assert err.getvalue() == "error: cannot write to the output: no space left on device\n"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (("messages", "list", "--limit", "x"), "--limit must be a whole number, 0 or more"),
        (("messages", "list", "--limit", "-1"), "--limit must be a whole number, 0 or more"),
        (("accounts", "add", "--port", "70000"), "--port must be 1 to 65535"),
    ],
)
def test_a_wrong_number_is_told_in_words(cli, line, told) -> None:
    cli.instance("my")
    ran = cli("my", "acme", *line)
    assert ran.code == 2
    assert ran.err.startswith(f"error: {told}\n")


@pytest.mark.slow
@pytest.mark.parametrize("line", ["version", "--help", "help start --json"])
def test_a_full_disk_is_told_once_by_the_process(cli, line: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mail_proxy", *line.split()],
            env=cli.environ,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "error: cannot write to the output: no space left on device\n"
