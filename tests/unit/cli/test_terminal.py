"""Questions in a real pseudo terminal: no echo of secrets, Ctrl-C, forms."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from tests.terminal import Person, fill_in_an_account

pytestmark = pytest.mark.slow

# The command line as the program starts it, with an instance that lives in the process.
_PROGRAM = textwrap.dedent(
    """
    import importlib.util, json, pathlib, sys
    spec = importlib.util.spec_from_file_location("fake_world", sys.argv[1])
    fakes = importlib.util.module_from_spec(spec)
    sys.modules["fake_world"] = fakes
    spec.loader.exec_module(fakes)
    from mail_proxy.cli.main import run
    cli = fakes.Cli(pathlib.Path(sys.argv[2]))
    world = cli.instance("my")
    code = run(sys.argv[3:], doors=cli.doors, environ=cli.environ)
    calls = [(n, f) for n, f in world.calls if n.startswith(("add", "delete", "suspend"))]
    print("DONE", code, json.dumps(calls))
    """
)


Terminal = Callable[..., Person]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    children: list[pexpect.spawn[bytes]] = []

    def start(*argv: str, tells_cursor: bool = False) -> Person:
        fakes = str(Path(__file__).with_name("conftest.py"))
        child = pexpect.spawn(
            sys.executable,
            ["-c", _PROGRAM, fakes, str(tmp_path / "home"), *argv],
            # Unless a test does, nobody answers the question for the place of the cursor.
            env={**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "01"[not tells_cursor]},
            dimensions=(24, 100),
        )
        children.append(child)
        return Person(child)

    yield start
    for child in children:
        child.close(force=True)


def test_a_password_is_asked_for_and_not_shown(terminal: Terminal) -> None:
    person = terminal("my", "acme", "accounts", "add", "x", "--host", "h", "--user", "me")
    person.answers("Password of me:", "hunter2")
    person.sees('"password": "hunter2"')
    assert person.received.count(b"hunter2") == 1  # in what the test itself prints


def test_ctrl_c_at_a_password_changes_nothing(terminal: Terminal) -> None:
    person = terminal("my", "acme", "accounts", "add", "x", "--host", "h", "--user", "me")
    person.sees("Password of me:")
    person.types("\x03")
    person.sees("DONE 130 []")
    person.sees("Cancelled, nothing was changed.")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_a_form_ends_it_and_leaves_no_toolbar(
    terminal: Terminal, number: signal.Signals
) -> None:
    person = terminal("my", "tenants", "add", tells_cursor=True)
    person.sees("Tenant id:")
    person.types("\x1b[2;12R")
    person.sees("ctrl+c cancel")
    assert person.killed_by(number) == number
    assert "Tenant id:" in person.screen
    assert "ctrl+c" not in person.screen


def test_a_question_is_answered_by_one_letter(terminal: Terminal) -> None:
    person = terminal("my", "suspend")
    person.answers("Suspend all sending of 'my'? [y/N]", "y")
    person.sees("DONE 0")


def test_what_is_neither_yes_nor_no_is_asked_again(terminal: Terminal) -> None:
    person = terminal("my", "suspend")
    person.answers("Suspend all sending of 'my'? [y/N]", "ja")
    person.sees("Please answer y or n.")
    person.answers("Suspend all sending of 'my'? [y/N]", "yes")
    person.sees("DONE 0")


def test_no_input_never_asks(terminal: Terminal) -> None:
    person = terminal("my", "suspend", "--no-input")
    person.sees("DONE 2")
    assert "nobody can be asked here. Give --yes" in person.screen


def test_the_account_form_asks_validates_masks_and_sums_up(terminal: Terminal) -> None:
    person = terminal("my", "acme", "accounts", "add")
    fill_in_an_account(person, host="smtp.example.com")
    person.types("\r")
    person.answers("Test the login now? [Y/n]", "n")
    person.sees("DONE 0")
    person.sees('"host": "smtp.example.com", "port": 587, "tls_mode": "auto"')


def test_what_is_typed_takes_the_place_of_a_default_and_an_arrow_keeps_it(
    terminal: Terminal,
) -> None:
    person = terminal("my", "acme", "accounts", "add")
    person.answers("Account id:", "fresh")
    person.answers("SMTP host:", "smtp.example.com")
    person.answers("Port: 587", "2525")
    person.sees("Port: 2525")
    person.sees("Encryption: auto")
    person.types("\x7fnone\r")  # a Backspace empties the line
    person.answers("User:", "")
    person.answers("Limit per hour: 0", "\x1b[C9")  # the right arrow
    person.sees("Limit per hour: 09")
    person.answers("Limit per day: 0", "")
    person.answers("Give up after:", "")
    person.answers("Save? [Y/n/e]", "")
    person.answers("Test the login now? [Y/n]", "n")
    person.sees('"host": "smtp.example.com", "port": 2525, "tls_mode": "none"')


def test_ctrl_c_leaves_a_form(terminal: Terminal) -> None:
    person = terminal("my", "tenants", "add")
    person.answers("Tenant id:", "acme2")
    person.sees("Name:")
    person.types("\x03")
    person.sees("DONE 130 []")
    person.sees("Cancelled, nothing was changed.")
