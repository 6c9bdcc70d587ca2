"""`help TOPIC`: by `man` on a terminal that has it, by a pager, or as plain text."""

from __future__ import annotations

from pathlib import Path

import pytest

from mail_proxy.cli.plain_page import as_text
from mail_proxy.cli.topics import PAGES, TOPICS
from mail_proxy.completion.scripts import page, pages


def program(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o700)


@pytest.fixture
def bin_(tmp_path: Path) -> Path:
    """The PATH of a person who has no programs yet."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


@pytest.fixture
def person(cli, bin_: Path):
    cli.environ |= {"PATH": str(bin_), "TERM": "xterm"}
    return cli


@pytest.mark.parametrize("name", TOPICS)
def test_each_topic_is_plain_text_in_a_pipe(cli, name: str) -> None:
    ran = cli("help", name)
    assert ran.code == 0
    assert len(ran.out.splitlines()) > 5
    assert ".SH" not in ran.out
    assert "\\f" not in ran.out
    assert cli("help", name, "--json").json["help"].splitlines()[0] == ran.out.splitlines()[0]


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_a_page_as_text_has_all_its_words(path: Path) -> None:
    text = as_text(path)
    source = path.read_text()
    assert text.startswith("NAME\n    mail-proxy")
    assert [line for line in text.splitlines() if line.startswith(("\\", "."))] == []
    for heading in (line[4:].strip('"') for line in source.splitlines() if line[:4] == ".SH "):
        assert heading.replace("\\-", "-") in text


def test_on_a_terminal_man_shows_the_page(person, bin_: Path, tmp_path: Path) -> None:
    program(bin_, "man", f'echo "$@" > {tmp_path}/shown')
    shown = tmp_path / "shown"
    for words, name in (
        (["filters"], "mail-proxy-filters.7"),
        (["start"], "mail-proxy-start.1"),
        (["my", "acme", "accounts"], "mail-proxy-accounts.1"),
        (["NAME", "stats"], "mail-proxy-stats.1"),
    ):
        ran = person("help", *words, tty=True)
        assert (ran.code, ran.out) == (0, "")
        assert shown.read_text() == f"-l {page(name)}\n"


def test_what_has_no_page_of_its_own_is_its_help(person, bin_: Path) -> None:
    program(bin_, "man", "exit 0")
    ran = person("help", "my", "acme", "accounts", "add", tty=True)
    assert "mail-proxy my acme accounts add" in ran.out


def test_without_man_or_where_it_fails_it_is_plain_text(person, bin_: Path) -> None:
    assert "TERMS" in person("help", "filters", tty=True).out
    program(bin_, "man", "exit 1")
    assert "TERMS" in person("help", "filters", tty=True).out


def test_a_pager_gets_the_text_when_there_is_one(person, bin_: Path, tmp_path: Path) -> None:
    words = tmp_path / "words"
    program(bin_, "show", f'echo "$@" > {words}; while read -r l; do echo "$l"; done >> {words}')
    person.environ["PAGER"] = "show -a 'b c'"
    assert person("help", "start", "--no-pager", tty=True).out.startswith("Start an")
    assert person("help", "start", tty=True).out == ""
    assert words.read_text().startswith("-a b c\nStart an instance")


@pytest.mark.parametrize(
    "line", [["--help"], ["start", "-h"], ["my", "acme", "send", "--help"], ["my", "tenants"]]
)
def test_help_on_a_terminal_is_shown_a_screen_at_a_time(
    person, bin_: Path, tmp_path: Path, line: list[str]
) -> None:
    person.instance("my")
    program(bin_, "less", f'while read -r l; do echo "$l"; done > {tmp_path}/shown')
    ran = person(*line, tty=True)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert "Usage:" in (tmp_path / "shown").read_text()
    assert "Usage:" in person(*line, "--no-pager", tty=True).out


@pytest.mark.parametrize("environ", [{"PAGER": ""}, {"PAGER": "cat"}, {"TERM": "dumb"}])
def test_nothing_is_paged_where_nobody_wants_it(person, bin_: Path, environ) -> None:
    program(bin_, "man", "exit 0")
    program(bin_, "less", "exit 0")
    person.environ |= environ
    assert "TERMS" in person("help", "filters", tty=True).out


@pytest.mark.parametrize("line", [[], ["start"], ["accounts"], ["accounts", "add"], ["instance"]])
def test_the_last_line_of_help_leads_to_the_manual(cli, line: list[str]) -> None:
    page = cli("help", *line).out.rstrip("\n")
    assert page.splitlines()[-1] == "Manual: man mail-proxy, and mail-proxy help topics"
    listed = cli("help", "topics").out
    assert [name for name in PAGES if f"  {name} " not in listed] == []


def test_each_topic_is_named_by_the_help_of_help(cli) -> None:
    text = cli("help", "help").out
    assert [name for name in PAGES if name not in text] == []
