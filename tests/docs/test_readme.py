"""What the README and the manual tell to type can be typed."""

from __future__ import annotations

import io
import re
import shlex
from pathlib import Path

import pytest

import mail_proxy
from mail_proxy.cli.main import run

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = "\n".join([README, *(page.read_text() for page in sorted((ROOT / "docs").glob("*.md")))])


def commands() -> list[str]:
    """Each `mail-proxy ...` line of a code block, and each in the running text."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGES, re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    typed = [line.split("#")[0].strip() for line in lines if line.startswith("mail-proxy ")]
    named = [text for text in re.findall(r"`(mail-proxy [^`]+)`", PAGES) if "..." not in text]
    return sorted({*typed, *named})


@pytest.mark.parametrize("line", commands())
def test_a_command_of_the_readme_is_known(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word for word in shlex.split(line)[1:] if not word.startswith("-")]
    options = {word.split("=")[0] for word in shlex.split(line)[1:] if word.startswith("--")}
    out, err = io.StringIO(), io.StringIO()
    argv = ["--home", str(tmp_path), *words[:4], "--help"]
    code = run(argv, environ={}, stdin=io.StringIO(), stdout=out, stderr=err)
    assert code == 0, err.getvalue()
    shown = out.getvalue() + capsys.readouterr().out  # typer writes help to the process's own
    assert [option for option in options if option not in shown] == []


@pytest.mark.parametrize("target", ["demo", "test"])
def test_a_make_command_of_the_readme_is_there(target: str) -> None:
    assert f"make {target}" in README
    assert f"\n{target}:" in (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_a_link_of_the_readme_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_the_changelog_knows_this_version() -> None:
    assert f"## {mail_proxy.__version__}" in (ROOT / "CHANGELOG.md").read_text()
