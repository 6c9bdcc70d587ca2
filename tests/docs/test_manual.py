"""What is made of the command line is of this command line, and reads well."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mail_proxy.cli.topics import PAGES
from mail_proxy.cli.tree import INSTANCE, ROOT, TENANT
from mail_proxy.config.environment import VARIABLES
from mail_proxy.domain.filter_text import WORDS
from tests.docs.manual.everything import HOW, everything, strays
from tests.docs.manual.pages import date
from tests.faults.profile import program

TREE = Path(__file__).parents[2]
MADE = everything()
PAGES_OF_MAN = [path for path in MADE if path.parent.name.startswith("man")]


@pytest.mark.parametrize("path", MADE, ids=lambda path: str(path.relative_to(TREE)))
def test_what_is_made_of_the_command_line_is_up_to_date(path: Path) -> None:
    assert path.exists(), HOW
    assert path.read_text() == MADE[path], HOW


def test_no_page_is_left_of_what_is_no_more() -> None:
    assert strays() == [], HOW


def test_each_word_of_each_level_has_its_page() -> None:
    words = {entry.name for level in (ROOT, INSTANCE, TENANT) for entry in level}
    pages = {path.name for path in PAGES_OF_MAN if path.parent.name == "man1"}
    assert pages == {"mail-proxy.1", *(f"mail-proxy-{word}.1" for word in words)}


def test_each_fragment_belongs_to_a_page() -> None:
    names = {path.name for path in PAGES_OF_MAN}
    fragments = (TREE / "man" / "fragments").glob("*.txt")
    assert {path.stem for path in fragments} <= names


def test_each_setting_and_each_term_of_a_filter_is_in_its_page() -> None:
    config = _source("mail-proxy-config.5")
    assert [v.name for v in VARIABLES if v.name not in config] == []
    assert [v.key for v in VARIABLES if v.key and f"{v.key}, " not in config] == []
    filters = _source("mail-proxy-filters.7")
    assert [name for name in WORDS if f"{name}:" not in filters] == []


def _source(name: str) -> str:
    return (TREE / "man" / f"man{name[-1]}" / name).read_text()


def test_each_topic_of_help_has_its_page() -> None:
    assert set(PAGES.values()) <= {path.name for path in PAGES_OF_MAN}


def test_mandoc_has_nothing_to_say() -> None:
    mandoc = program("mandoc", "mandoc")
    told = subprocess.run(
        [mandoc, "-T", "lint", "-W", "warning", *PAGES_OF_MAN],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.stdout, told.stderr) == ("", "")


@pytest.mark.slow
def test_groff_has_nothing_to_say() -> None:
    groff = program("groff", "groff-base")
    for path in PAGES_OF_MAN:
        told = subprocess.run(
            [groff, "-man", "-Tutf8", "-ww", "-z", path],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (path.name, told.stderr) == (path.name, "")


def test_the_date_is_the_same_for_whoever_builds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert date() == "1970-01-02"
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text("# Changes\n\n## Unreleased\n")
    assert date(changelog) == "2026-11-01"
    changelog.write_text("## Unreleased\n\n## 1.1 (2027-03-02)\n\n## 1.0 (2027-01-01)\n")
    assert date(changelog) == "2027-03-02"
