"""The dashboard in a real pseudo terminal, on a real daemon that comes and goes."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from mail_proxy.config.instances import Instance
from mail_proxy.config.load import load_settings
from mail_proxy.control.open import open_control
from mail_proxy.control.process import daemon_status, start_daemon, stop_daemon
from tests.faults.installation import end, environment
from tests.terminal import Person

pytestmark = pytest.mark.slow

LIMIT_S = 60
CTRL_C = "\x03"
CTRL_Z = "\x1a"
LEFT_ALTERNATE = b"\x1b[?1049l"
MOUSE_OFF = b"\x1b[?1000l"
CURSOR_SHOWN = b"\x1b[?25h"


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    """Running, with three messages that wait for a paused account."""
    instance = Instance("myserver", tmp_path / "myserver")
    environ = environment(tmp_path)
    start_daemon(instance, port=0, environ=environ, timeout_s=LIMIT_S)
    try:
        control = open_control(instance, lambda: load_settings(instance, environ))
        control.call("addTenant", id="acme")
        control.call("addAccount", tenant_id="acme", id="main", host="127.0.0.1", port=2)
        control.call("pauseAccount", tenant_id="acme", account_id="main")
        posted = {"from": "a@example.org", "to": "b@example.org", "body": "x"}
        subject = "[/b] [link=http://x]hello"
        control.call(
            "addMessages",
            tenant_id="acme",
            messages=[{"id": f"2026-{n}", "subject": subject, **posted} for n in range(3)],
        )
        yield instance
    finally:
        stop_daemon(instance, force=True)
        end(instance)


class Watcher(Person):
    """A person with a dashboard open."""

    def __init__(self, child: pexpect.spawn[bytes], columns: int) -> None:
        super().__init__(child, columns)
        self.child = child

    def is_told(self, number: signal.Signals) -> None:
        os.kill(self.child.pid, number)

    def is_back_at_the_shell(self) -> None:
        """Nothing of the dashboard is on the screen any more."""
        while LEFT_ALTERNATE not in self.received:
            self.received += self.child.read_nonblocking(4096, timeout=LIMIT_S)
        self._screen.reset()

    def has_a_sane_terminal(self) -> None:
        """What the dashboard turned on is turned off again, in this order: it is the last word."""
        for code in (LEFT_ALTERNATE, MOUSE_OFF, CURSOR_SHOWN):
            assert code in self.received, code
        for on, off in ((b"\x1b[?1049h", LEFT_ALTERNATE), (b"\x1b[?1000h", MOUSE_OFF)):
            assert self.received.rindex(on) < self.received.rindex(off)


Open = Callable[..., Watcher]


@pytest.fixture
def top(instance: Instance) -> Iterator[Open]:
    children: list[pexpect.spawn[bytes]] = []

    def start(*argv: str, columns: int = 100, **environ: str) -> Watcher:
        home = instance.folder.parent
        given = environment(home) | {"XDG_CONFIG_HOME": str(home / "config")} | environ
        child = pexpect.spawn(
            sys.executable,
            ["-m", "mail_proxy", "myserver", "top", *argv],
            env=given | {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
            dimensions=(24, columns),
            timeout=LIMIT_S,
        )
        children.append(child)
        return Watcher(child, columns)

    yield start
    for child in children:
        child.close(force=True)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
def test_a_signal_restores_the_terminal_and_is_in_the_exit_code(
    top: Open, number: signal.Signals, code: int
) -> None:
    person = top()
    person.sees("b@example.org", LIMIT_S)
    person.is_told(number)
    assert person.ends(LIMIT_S) == code
    person.has_a_sane_terminal()


def code_of(child: pexpect.spawn[bytes]) -> int | None:
    """Its exit code, where nobody reads its terminal; it ends within seconds."""
    ended = os.pidfd_open(child.pid)
    try:
        assert select.select([ended], [], [], 15)[0], "it does not end"
    finally:
        os.close(ended)
    child.wait()
    return child.exitstatus


@pytest.mark.parametrize("view", ["1", "4", "5"])
def test_a_terminal_that_is_closed_ends_it(top: Open, view: str) -> None:
    person = top(columns=140)
    person.sees("b@example.org", LIMIT_S)
    person.types(view)
    person.child.ptyproc.fileobj.close()
    assert code_of(person.child) == 129


def test_a_terminal_that_takes_nothing_does_not_hold_it(top: Open) -> None:
    person = top(columns=140)
    person.sees("b@example.org", LIMIT_S)
    for _ in range(20):  # nobody reads from here on: what is painted fills the way there
        person.types("?")
        person.types("q")
    person.is_told(signal.SIGTERM)
    assert code_of(person.child) == 143


@pytest.mark.parametrize("key", ["q", CTRL_C])
def test_a_key_leaves_it_with_0(top: Open, key: str) -> None:
    person = top()
    person.sees("b@example.org", LIMIT_S)
    person.types(key)
    assert person.ends(LIMIT_S) == 0
    person.has_a_sane_terminal()


def test_ctrl_z_leads_to_the_shell_and_fg_back(top: Open) -> None:
    """Without a shell: whoever started it is told that it stopped, and has it go on."""
    person = top()
    person.sees("b@example.org", LIMIT_S)
    person.types(CTRL_Z)
    person.is_back_at_the_shell()
    _, status = os.waitpid(person.child.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    person.is_told(signal.SIGCONT)
    for words in ("b@example.org", "PRIORITY", "LIVE 1s", "q quit"):
        person.sees(words, LIMIT_S)
    person.types("q")
    assert person.ends(LIMIT_S) == 0
    person.has_a_sane_terminal()


PAGER = """#!/bin/sh
{trap}
cat >/dev/null
echo $$ >{pid}
echo the pager is here
while :; do read -r line </dev/tty || sleep 1; done
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("trap", ["", "trap '' TERM HUP"])
def test_a_pager_that_is_open_ends_with_it(
    top: Open, tmp_path: Path, number: signal.Signals, trap: str
) -> None:
    pager, pid = tmp_path / "pager", tmp_path / "pid"
    pager.write_text(PAGER.format(trap=trap, pid=pid))
    pager.chmod(0o700)
    person = top(PAGER=str(pager))
    person.sees("b@example.org", LIMIT_S)
    person.types("\r")
    person.sees("Timeline", LIMIT_S)
    person.types("e")
    person.sees("the pager is here", LIMIT_S)
    person.is_told(number)
    assert person.ends(LIMIT_S) == 128 + number
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_q_leaves_at_once_while_a_read_waits(top: Open, instance: Instance) -> None:
    stop_daemon(instance, force=True)
    instance.log_path.unlink()
    os.mkfifo(instance.log_path)  # whoever opens it waits for a writer
    person = top()
    person.sees("does not answer", LIMIT_S)
    person.types("q")
    assert code_of(person.child) == 0


def test_a_daemon_that_dies_is_told_and_started_from_here(top: Open, instance: Instance) -> None:
    person = top()
    person.sees("UP", LIMIT_S)
    info = daemon_status(instance).info
    assert info is not None
    os.kill(info.pid, signal.SIGKILL)
    person.sees("does not answer", LIMIT_S)
    person.sees("(read from the database)", LIMIT_S)
    person.types("S")
    person.sees_no_more("does not answer", LIMIT_S)
    person.sees("UP", LIMIT_S)
    person.types("q")
    assert person.ends(LIMIT_S) == 0


def test_a_bug_ends_it_with_1_and_a_file_without_values(top: Open, instance: Instance) -> None:
    # A module that Python loads before ours puts the bug in.
    home = instance.folder.parent
    (home / "broken").mkdir()
    (home / "broken" / "sitecustomize.py").write_text(
        "from mail_proxy_tui.draw import title\n"
        "def title_line(*_):\n"
        "    secret = 'hunter2'\n"
        "    raise KeyError(len(secret))\n"
        "title.title_line = title_line\n"
    )
    path = os.pathsep.join([str(home / "broken"), *sys.path[1:]])
    person = top(PYTHONPATH=path)
    assert person.ends(LIMIT_S) == 1
    said = person.received.decode()
    assert "internal error KeyError" in said
    assert "hunter2" not in said
    (crash,) = instance.folder.glob("crash-*.txt")
    assert crash.stat().st_mode & 0o777 == 0o600
    assert "title_line" in crash.read_text()
    assert "hunter2" not in crash.read_text()


def run(instance: Instance, *argv: str) -> subprocess.CompletedProcess[str]:
    home = instance.folder.parent
    return subprocess.run(
        [sys.executable, "-m", "mail_proxy", "myserver", "top", *argv],
        env=environment(home)
        | {"XDG_CONFIG_HOME": str(home / "config"), "COLUMNS": "80", "LINES": "24"},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_one_frame_is_text_and_its_code_tells_whether_the_daemon_runs(instance: Instance) -> None:
    done = run(instance, "--once", "--ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == 24
    assert len(re.findall(r"2026-\d +med", done.stdout)) == 3
    stop_daemon(instance, force=True)
    done = run(instance, "--once", "--ascii")
    assert done.returncode == 3
    assert "DOWN" in done.stdout
    assert len(re.findall(r"2026-\d +med", done.stdout)) == 3


def test_a_file_of_the_theme_that_holds_no_name_is_passed_over(instance: Instance) -> None:
    folder = instance.folder.parent / "config" / "mail-proxy"
    folder.mkdir(parents=True)
    (folder / "theme").write_bytes(b"\0" * 8)
    done = run(instance, "--once", "--ascii")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_pipe_is_refused_with_the_way_to_get_text(instance: Instance) -> None:
    done = run(instance)
    assert (done.returncode, done.stdout) == (2, "")
    assert "top needs a terminal" in done.stderr
    assert "mail-proxy myserver top --once" in done.stderr


def test_nothing_heavy_is_imported_before_the_first_frame() -> None:
    code = "import sys, mail_proxy_tui.app; print(*{n.split('.')[0] for n in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=LIMIT_S
    )
    heavy = {"httpx", "aiohttp", "sqlalchemy", "pydantic", "aiosqlite", "cryptography", "typer"}
    assert heavy.isdisjoint(done.stdout.split())
