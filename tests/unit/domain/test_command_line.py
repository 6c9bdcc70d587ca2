"""Commands that a person is told to run: pasted into a shell, they are what they look like."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from mail_proxy.domain.command_line import by_id, command_line, option, shell_line
from tests.hostile import TEXTS, forbidden
from tests.patience import PATIENCE_S

_PACKAGE = Path(__file__).parents[3] / "mail_proxy"
_BEGINS = re.compile(r"mail-proxy |\b(chmod|ls|du) [-0-9a-z]|\$EDITOR ")
_SENTENCES = {"bench_view.py", "crash.py", "django.py", "migrate.py"}  # "mail-proxy" is no command
# Names of instances (a-z, 0-9 and -), and what has been through this module already.
_PLAIN_NAMES = {
    "NAME",
    "__version__",
    "activate",
    "example",
    "found.instance.name",
    "found.instance_name",
    "found.path",
    "free",  # a port
    "guess",
    "instance.name",
    "larger",  # a number
    "name",
    "options",
    "plan.settings.name",
    "proxy.settings.name",
    "self._name",
    "self._settings.name",
    "settings.name",
    "verb.do.lower()",
    "words.format(name=name)",
}


def test_ordinary_words_stay_as_they_are() -> None:
    assert command_line("my", "acme", "accounts", "check", "main") == (
        "mail-proxy my acme accounts check main"
    )


@pytest.mark.parametrize("name", TEXTS)
def test_a_shell_takes_hostile_text_for_one_word(name: str, tmp_path: Path) -> None:
    line = shell_line("printf", "%s", TEXTS[name].replace("\x00", ""))
    assert not forbidden(line)
    ran = subprocess.run(
        ["bash", "-c", line], cwd=tmp_path, capture_output=True, check=True, timeout=PATIENCE_S
    )
    assert ran.stdout.decode() == TEXTS[name].replace("\x00", "")
    assert not list(tmp_path.iterdir())


def test_what_reads_as_an_option_is_none() -> None:
    assert by_id("m1", "--force") == ("m1", "--force")
    assert by_id("--all", "--force") == ("--force", "--", "--all")
    assert option("--batch", "may") == ("--batch", "may")
    assert option("--batch", "-x") == ("--batch=-x",)


def _told_commands(path: Path) -> list[str]:
    """What f-strings of a module put into commands, but for names that need no quotes."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.JoinedStr):
            continue
        is_command = False
        for part in node.values:
            if isinstance(part, ast.Constant):
                is_command = is_command or bool(_BEGINS.search(str(part.value)))
            elif isinstance(part, ast.FormattedValue):
                text = ast.unparse(part.value)
                is_quoted = text.startswith(("shell_line(", "command_line(", "found.line("))
                if is_command and text not in _PLAIN_NAMES and not is_quoted:
                    found.append(f"{path.name}: {text}")
                is_command = is_command or (text.endswith(".path") and "found" in text)
    return found


def test_commands_with_ids_or_paths_are_composed_here_alone() -> None:
    modules = [path for path in _PACKAGE.rglob("*.py") if path.name not in _SENTENCES]
    assert [each for path in modules for each in _told_commands(path)] == []


def test_a_path_with_spaces_is_one_word() -> None:
    assert shlex.split(shell_line("chmod", "700", Path("/home/ann b/x;y"))) == [
        "chmod",
        "700",
        "/home/ann b/x;y",
    ]
