"""The Tab key in bash, zsh and fish: it offers what fits, and never runs what a name says."""

from __future__ import annotations

import os
import re
import shlex
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pyte
import pytest

from mail_proxy.cli.main import run
from mail_proxy.completion.scripts import SHELLS, script
from tests.faults.profile import program

pytestmark = pytest.mark.slow

_PROMPT = "ready>"


class Shell:
    """A shell that somebody types into."""

    def __init__(self, name: str, child: pexpect.spawn[bytes]) -> None:
        self.name = name
        self._child = child
        self._screen = pyte.Screen(160, 50)
        self._stream = pyte.ByteStream(self._screen)

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self._screen.display if line.strip()]

    def types(self, keys: str) -> None:
        self._child.send(keys)

    def shows(self, *texts: str, within_s: float = 30.0) -> None:
        """Until each of them is on the screen."""
        give_up_at = time.monotonic() + within_s
        while not all(re.search(text, "\n".join(self.lines), re.MULTILINE) for text in texts):
            left = give_up_at - time.monotonic()
            assert left > 0, f"{self.name}: {texts} did not come:\n" + "\n".join(self.lines)
            try:
                self._stream.feed(self._child.read_nonblocking(4096, timeout=min(left, 1.0)))
            except pexpect.TIMEOUT:
                continue

    def completes(self, typed: str, *texts: str) -> list[str]:
        """The screen after a line was typed and Tab was pressed twice, as bash lists so only."""
        self.types("\x15")  # an empty line
        self.types("clear\r")
        self._screen.reset()
        self.shows(_PROMPT)
        self.types(typed)
        self.types("\t\t" if self.name == "bash" else "\t")
        self.shows(*texts)
        return self.lines

    def runs(self, line: str) -> None:
        """A line, to its end."""
        product = "(math 6 x 7)" if self.name == "fish" else "$((6*7))"
        self.types(f"\x15{line}; echo done-{product}\r")
        self.shows("done-42")


Opened = Callable[[str], Shell]


def _program(folder: Path) -> None:
    """`mail-proxy`, as an installation has it in the PATH."""
    folder.mkdir()
    path = folder / "mail-proxy"
    path.write_text(
        f"#!{sys.executable}\n"
        f"import sys\nsys.path[:0] = {sys.path!r}\n"
        "from mail_proxy.__main__ import main\nmain()\n"
    )
    path.chmod(0o700)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An instance with tenants of all kinds, put into its database by nobody's API."""
    folder = tmp_path / "home" / "myserver"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("")
    marker = tmp_path / "executed"
    hostile = [
        f"\\$(touch {marker})", f"$(touch {marker})", f"`touch {marker}`", f"(touch {marker})",
        f"\\`touch {marker}\\`", f"acme; touch {marker}", f"acme'$(touch {marker})'", "acme two",
        f'acme"$(touch {marker})"', f"acme\n$(touch {marker})", "acme\x1b[31m", "acme[1]", "acme*",
        f"acme\t$(touch {marker})", f"=(touch {marker})", f"${{(e):-$(touch {marker})}}", "~acme",
    ]  # fmt: skip
    with sqlite3.connect(folder / "mail_service.db") as db:
        db.execute("CREATE TABLE tenants (tenant_id TEXT PRIMARY KEY)")
        db.execute("CREATE TABLE accounts (tenant_id TEXT, account_id TEXT)")
        db.executemany(
            "INSERT INTO tenants VALUES (?)", [(n,) for n in [*hostile, "acme", "acme-eu"]]
        )
        db.executemany(
            "INSERT INTO accounts VALUES ('acme', ?)", [(n,) for n in [*hostile, "main"]]
        )
    db.close()
    return folder.parent


@pytest.fixture
def opened(tmp_path: Path, home: Path) -> Iterator[Opened]:
    children: list[pexpect.spawn[bytes]] = []
    _program(tmp_path / "bin")
    work = tmp_path / "work"
    work.mkdir()
    (work / "hello mail.eml").write_text("")
    (work / "letters").mkdir()
    (work / "notes.txt").write_text("")
    environ = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "HOME": str(tmp_path / "person"),
        "MAIL_PROXY_HOME": str(home),
        "TERM": "xterm",
        "LANG": "C.UTF-8",
    }
    (tmp_path / "person").mkdir()

    def open_(name: str) -> Shell:
        child = pexpect.spawn(
            program(name, name),
            {"bash": ["--norc", "--noprofile"], "zsh": ["-f"], "fish": ["--no-config"]}[name],
            env=environ,
            cwd=str(work),
            dimensions=(50, 160),
            timeout=30,
        )
        child.delaybeforesend = None
        children.append(child)
        shell = Shell(name, child)
        for line in _BEGINNING[name]:
            shell.types(line.format(script=shlex.quote(str(script(name)))) + "\r")
        shell.shows(_PROMPT)
        return shell

    yield open_
    for child in children:
        child.close(force=True)


_BEGINNING = {
    "bash": ["bind 'set bell-style none'", "source {script}", f"PS1='{_PROMPT} '"],
    "zsh": [
        "autoload -Uz compinit && compinit -u -D",
        "source {script}",
        "unsetopt beep",
        f"PS1='{_PROMPT} '",
    ],
    "fish": [f"function fish_prompt; printf '{_PROMPT} '; end", "source {script}"],
}

each_shell = pytest.mark.parametrize("name", list(SHELLS))


@each_shell
def test_commands_instances_tenants_and_options(opened: Opened, name: str) -> None:
    shell = opened(name)
    shell.completes("mail-proxy st", "start", "status", "stop")
    shell.completes("mail-proxy my", "mail-proxy myserver$")
    shell.completes("mail-proxy myserver te", "mail-proxy myserver tenant")
    shell.completes("mail-proxy myserver acme accounts che", "accounts check$")
    shell.completes("mail-proxy myserver acme send --prio", "--priority$")
    shell.completes("mail-proxy myserver acme accounts show ma", "accounts show main$")


@each_shell
def test_values_after_an_equals_sign_and_settings(opened: Opened, name: str) -> None:
    shell = opened(name)
    shell.completes("mail-proxy list --output=pla", "--output=plain")
    shell.completes("mail-proxy list --color nev", "--color never")
    shell.completes("mail-proxy myserver config set por", "config set port=$")


@each_shell
def test_the_words_and_values_of_a_filter(opened: Opened, name: str) -> None:
    shell = opened(name)
    line = "mail-proxy myserver acme messages list --filter"
    shell.completes(f"{line} sta", "--filter state:$")
    shell.completes(f"{line} state:hel", "--filter state:held$")
    shell.completes(f"{line} state:held,bou", "--filter state:held,bounced$")
    shell.completes(f"{line} state:s", "sending", "suspended")
    shell.completes(f"{line} account:ma", "--filter account:main$")


@each_shell
def test_mail_files_and_folders_are_offered_for_send(opened: Opened, name: str) -> None:
    shell = opened(name)
    lines = shell.completes("mail-proxy myserver acme send ", "hello.*mail.eml", "letters")
    assert not any("notes.txt" in line for line in lines)
    shell.completes("mail-proxy myserver acme send hel", "send hello\\\\ mail.eml|'hello mail.eml'")
    shell.completes("mail-proxy restore new no", "restore new notes.txt")


@each_shell
def test_hostile_ids_are_not_offered_and_nothing_runs(
    opened: Opened, tmp_path: Path, name: str
) -> None:
    shell = opened(name)
    lines = shell.completes("mail-proxy myserver acme", "acme-eu")
    assert not any("touch" in line or "two" in line for line in lines)
    for typed in (
        "mail-proxy myserver ",
        "mail-proxy myserver tenant ",
        "mail-proxy myserver acme accounts show ",
        "mail-proxy myserver tenants show ",
    ):
        shell.completes(typed, "acme|main")
    # What a person has typed and not entered is not run either.
    marker = tmp_path / "executed"
    for typed in (f"'$(touch {marker})", f"\\$(touch {marker})", f'"`touch {marker}`'):
        shell.types("\x15")
        shell.types(f"mail-proxy myserver {typed}\t\t")
    shell.types("\x03")
    shell.runs("true")
    assert not marker.exists()


@each_shell
def test_the_installed_script_is_found_by_its_shell(
    opened: Opened, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"HOME": str(tmp_path / "person"), "PATH": os.environ["PATH"]}
    assert run(["completion", "install", "--shell", name, "-q"], environ=environ) == 0
    folder = tmp_path / "person" / ".local" / "share"
    assert (folder / "man" / "man1" / "mail-proxy.1").exists()
    installed = folder / SHELLS[name][1]
    assert installed.read_text() == script(name).read_text()
    _BEGINNINGS_OF_INSTALLED = {  # noqa: N806
        "bash": f"complete -r; source {installed}",
        "zsh": f"unfunction _mail-proxy; fpath=({installed.parent} $fpath); compinit -u -D",
        "fish": "complete -e mail-proxy; functions -e __mail_proxy_complete; "
        "set -p fish_complete_path $HOME/.local/share/fish/vendor_completions.d",
    }
    shell = opened(name)
    shell.runs(_BEGINNINGS_OF_INSTALLED[name])
    shell.completes("mail-proxy myserver tenants sh", "tenants show$")
