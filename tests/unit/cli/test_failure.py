from __future__ import annotations

import io
import stat

from mail_proxy.cli.main import run
from mail_proxy.domain.errors import Conflict, NotRunning, StoreError


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
