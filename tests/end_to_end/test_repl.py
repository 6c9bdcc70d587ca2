"""The REPL in a real pseudo terminal, on a real daemon: what is typed, and what is seen."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from mail_proxy.config.instances import Instance
from mail_proxy.config.load import load_settings
from mail_proxy.control.open import open_control
from mail_proxy.control.process import start_daemon, stop_daemon
from tests.faults.installation import end, environment
from tests.terminal import Person, fill_in_an_account

pytestmark = pytest.mark.slow

PROMPT = "myserver>"  # what is blank at the end of a line is not seen
CTRL_C, CTRL_D, TAB = "\x03", "\x04", "\t"
LIMIT_S = 60


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """With one running instance: two tenants, an account that is paused, messages that wait."""
    home = tmp_path_factory.mktemp("home")
    instance = Instance("myserver", home / "myserver")
    environ = environment(home)
    start_daemon(instance, port=0, environ=environ, timeout_s=LIMIT_S)
    try:
        control = open_control(instance, lambda: load_settings(instance, environ))
        for tenant_id in ("acme", "alpha"):
            control.call("addTenant", id=tenant_id)
        control.call("addAccount", tenant_id="acme", id="main", host="127.0.0.1", port=2)
        control.call("pauseAccount", tenant_id="acme", account_id="main")
        subject = "[/b] [red]x[/red]"
        posted = {"from": "a@example.org", "to": "b@example.org", "subject": subject, "body": "x"}
        messages = [{"id": f"2026-{at}", "tenant_id": "acme", **posted} for at in range(3)]
        control.call("addMessages", messages=messages)
        yield home
    finally:
        stop_daemon(instance, force=True)
        end(instance)


Terminal = Callable[..., Person]


@pytest.fixture
def terminal(home: Path) -> Iterator[Terminal]:
    children: list[pexpect.spawn[bytes]] = []

    def start(*argv: str, columns: int = 100, **environ: str) -> Person:
        child = pexpect.spawn(
            sys.executable,
            ["-m", "mail_proxy", "myserver", "connect", *argv],
            env={
                **os.environ,
                "MAIL_PROXY_HOME": str(home),
                "TERM": "xterm",
                "PROMPT_TOOLKIT_NO_CPR": "1",
                **environ,
            },
            dimensions=(24, columns),
        )
        children.append(child)
        return Person(child, columns)

    yield start
    for child in children:
        child.close(force=True)


def script(home: Path, *argv: str, piped: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mail_proxy", "myserver", "connect", *argv],
        env={**os.environ, "MAIL_PROXY_HOME": str(home)},
        input=piped,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def test_it_says_where_it_is_and_shows_tables(terminal: Terminal) -> None:
    person = terminal()
    person.sees("waiting")
    person.answers(PROMPT, "proxy.messages.list()")
    person.sees("2026-2")
    assert "STATE" in person.screen


@pytest.mark.parametrize(
    "leave", ["exit\r", "exit()\r", "quit\r", "import sys; sys.exit()\r", CTRL_D]
)
def test_every_way_out_leaves(terminal: Terminal, leave: str) -> None:
    person = terminal()
    person.sees(PROMPT)
    person.types(leave)
    assert person.ends() == 0


def test_the_exit_code_is_the_persons(terminal: Terminal) -> None:
    person = terminal()
    person.answers(PROMPT, "exit(3)")
    assert person.ends() == 3


def test_the_tab_key_completes_ids(terminal: Terminal) -> None:
    person = terminal()
    person.sees(PROMPT)
    person.types('proxy.tenants["a' + TAB)
    person.sees("['acme']")
    person.sees("['alpha']")


def test_the_tab_key_completes_verbs(terminal: Terminal) -> None:
    person = terminal()
    person.sees(PROMPT)
    person.types("proxy.messages.ret" + TAB)
    person.sees("retry()")


def test_ctrl_c_ends_a_call_and_not_the_session(terminal: Terminal) -> None:
    person = terminal()
    person.answers(PROMPT, "_ = [print('begun'), *proxy.events()]")
    person.sees("\nbegun")
    person.types(CTRL_C)
    person.sees("Interrupted.")
    person.types("6 * 7\r")
    person.sees("42")


def test_ctrl_c_at_the_prompt_takes_the_line_away(terminal: Terminal) -> None:
    person = terminal()
    person.sees(PROMPT)
    person.types("not this")
    person.sees("not this")
    person.types(CTRL_C)
    person.types("6 * 7\r")
    person.sees("42")


def test_an_error_is_a_line_and_the_rest_is_kept(terminal: Terminal) -> None:
    person = terminal()
    person.answers(PROMPT, 'proxy.messages.get("none")')
    person.sees("(HTTP 404)")
    assert "Traceback" not in person.screen
    person.types("proxy.last_error\r")
    person.sees("not_found")


def test_an_await_gets_a_hint(terminal: Terminal) -> None:
    person = terminal()
    person.answers(PROMPT, "await proxy.stats()")
    person.sees("proxy waits by itself")


def test_a_deletion_asks_and_no_keeps_it(terminal: Terminal) -> None:
    person = terminal()
    person.answers(PROMPT, 'proxy.tenants.delete("alpha")')
    person.answers("Delete tenant 'alpha' with its accounts and all its messages? [y/N]", "n")
    person.sees("Cancelled, nothing was changed.")
    person.types('"alpha" in proxy.tenants\r')
    person.sees("True")


def test_what_is_typed_is_kept_for_its_owner_without_secrets(
    terminal: Terminal, home: Path
) -> None:
    person = terminal()
    person.answers(PROMPT, "kept_word = 1")
    person.answers(PROMPT, "password = 'hunter2'")
    person.answers(PROMPT, "exit")
    assert person.ends() == 0
    path = home / "myserver" / "repl_history"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "+kept_word = 1" in path.read_text()
    assert "hunter2" not in path.read_text()


def test_a_new_account_is_asked_for_field_by_field(terminal: Terminal, home: Path) -> None:
    person = terminal()
    person.answers(PROMPT, 'new_account("alpha")')
    fill_in_an_account(person, host="127.0.0.1", port="\x152")
    person.types("\r")
    person.answers("Test the login now? [Y/n]", "y")
    person.sees("failed stage")
    person.answers(PROMPT, "exit")
    person.ends()
    assert "hunter2" not in (home / "myserver" / "repl_history").read_text()


def test_ctrl_c_leaves_a_form_and_saves_nothing(terminal: Terminal) -> None:
    person = terminal()
    person.answers(PROMPT, "new_tenant()")
    person.answers("Tenant id:", "gamma")
    person.sees("Name:")
    person.types(CTRL_C)
    person.sees("Cancelled, nothing was saved.")
    person.types('"gamma" in proxy.tenants\r')
    person.sees("False")


def test_a_message_is_written_in_the_editor(terminal: Terminal, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf "two\\nlines\\n" > "$1"\n')
    editor.chmod(0o755)
    person = terminal(EDITOR=str(editor), VISUAL="")
    person.answers(PROMPT, 'new_message("acme")')
    person.answers("Account: main", "")
    person.answers("From:", "me@example.org")
    person.sees("To:")
    person.types("nobody")
    person.sees("nobody")
    person.types("\r")
    person.types("\x15ann@example.org, bob@example.org\r")
    person.answers("Cc:", "")
    person.answers("Subject:", "hello")
    person.answers("Body:", "")
    person.answers("Priority: medium", "")
    person.sees("Message id:")
    person.types("\x15from-a-form\r")
    person.answers("Save? [Y/n/e]", "")
    person.sees("queued")
    person.types('proxy.messages["from-a-form"]["message"]["body"]\r')
    person.sees("'two\\nlines'")


def test_the_plain_prompt_has_the_same_names(terminal: Terminal) -> None:
    person = terminal("--plain")
    person.answers(PROMPT, "proxy.tenants.list()")
    person.sees("alpha")
    person.types('proxy.messages.get("none")\r')
    person.sees("(HTTP 404)")
    person.types("exit\r")
    assert person.ends() == 0


def test_an_instance_marked_production_has_a_red_prompt(terminal: Terminal, home: Path) -> None:
    config = home / "myserver" / "config.toml"
    before = config.read_text()
    config.write_text(f"production = true\n{before}")
    try:
        person = terminal()
        person.sees(PROMPT)
        assert b"\x1b[0;31;1mmyserver" in person.received
    finally:
        config.write_text(before)


def test_code_runs_and_shows_its_last_value(home: Path) -> None:
    done = script(home, "-c", "proxy.messages.list(limit=1)")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1].split("\t")[:2] == ["2026-0", "acme"]


def test_piped_code_runs_too(home: Path) -> None:
    done = script(home, piped="x = 6\nx * 7\n")
    assert (done.returncode, done.stdout) == (0, "42\n")


def test_a_file_runs_and_may_end_with_a_code(home: Path, tmp_path: Path) -> None:
    (tmp_path / "nightly.py").write_text("print(len(proxy.tenants))\nexit(4)\n")
    done = script(home, str(tmp_path / "nightly.py"))
    assert (done.returncode, done.stdout) == (4, "2\n")


def test_what_the_manual_types_works(home: Path, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "repl.md").read_text()
    session = page.partition("tests run what follows a prompt")[2].partition("```\n\n")[0]
    prompted = [line for line in session.splitlines() if line.startswith("myserver> ")]
    typed = [line[len("myserver> ") :].replace("/tmp/", f"{tmp_path}/") for line in prompted]
    assert len(typed) > 15
    (tmp_path / "session.py").write_text("".join(f"console.print({line})\n" for line in typed))
    done = script(home, str(tmp_path / "session.py"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "2026-1" in (tmp_path / "pending.csv").read_text()


def test_requests_are_shown_on_stderr(home: Path) -> None:
    done = script(home, "--print-http", "-c", 'proxy.tenants.get("acme")["id"]')
    assert done.stdout == "'acme'\n"
    assert done.stderr.startswith("GET /tenant/acme  200  ")


def test_without_a_daemon_it_says_so_and_reads_the_database(tmp_path: Path) -> None:
    instance = Instance("myserver", tmp_path / "home" / "myserver")
    environ = environment(tmp_path / "home")
    start_daemon(instance, port=0, environ=environ, timeout_s=LIMIT_S)
    stop_daemon(instance, force=False)
    done = script(tmp_path / "home", "-c", 'proxy.tenants.add(id="late"); list(proxy.tenants)')
    assert (done.returncode, done.stdout) == (0, "['late']\n")
    child = pexpect.spawn(
        sys.executable,
        ["-m", "mail_proxy", "myserver", "connect"],
        env={**os.environ, **environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"},
        dimensions=(24, 100),
    )
    person = Person(child)
    try:
        person.sees("myserver is not running: nothing is sent")
        person.sees("mail-proxy start myserver")
        person.answers("myserver (stopped)>", "proxy.tenants.list()")
        person.sees("late")
        person.types('proxy.tenants["l' + TAB)
        person.sees("['late']")
    finally:
        child.close(force=True)
