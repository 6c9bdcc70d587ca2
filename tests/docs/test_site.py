"""The site of the manual: built without a warning, no dead link, nothing from other hosts."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from mail_proxy.domain.state import NEXT
from tests.docs.state_diagram import PICTURE, picture

ROOT = Path(__file__).parents[2]
TITLES = "{http://www.w3.org/2000/svg}g/{http://www.w3.org/2000/svg}title"

# What a page may lead a reader to. Nothing of it is asked by a test.
KNOWN_HOSTS = {
    "github.com",  # the theme's and the generator's, at the foot of each page
    "pradyunsg.me",
    "www.sphinx-doc.org",
    "www.standardwebhooks.com",
}
# Of a tag, what a browser fetches by itself.
FETCHED = {
    "href": {"link"},
    "src": {"script", "img", "source", "iframe", "embed", "video", "audio"},
}


class Page(HTMLParser):
    """The links of one page, the names in it that a link may end at, and what it is made of."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.assets: list[str] = []
        self.names: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value is None:
                continue
            if name == "id" or (tag == "a" and name == "name"):
                self.names.add(value)
            elif tag in FETCHED.get(name, ()):
                self.assets.append(value)
            elif tag == "a" and name == "href":
                self.links.append(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does it."""
    folder = tmp_path_factory.mktemp("site")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (options,) = re.findall(r"sphinx-build (-.*) docs build/docs\n", makefile)
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options.split(), "docs", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


@pytest.mark.slow
def test_each_page_of_the_manual_is_in_the_site(site: Path) -> None:
    sources = (ROOT / "docs").rglob("*.md")
    wanted = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in sources}

    assert len(wanted) > 30
    assert [path for path in wanted if not (site / path).is_file()] == []


@pytest.mark.slow
def test_each_link_within_the_site_ends_at_something(pages: dict[Path, Page]) -> None:
    dead = [
        f"{path.name}: {link}"
        for path, page in pages.items()
        for link in [*page.links, *page.assets]
        if not urlsplit(link).netloc and not _is_alive(path, link, pages)
    ]

    assert dead == []


def _is_alive(path: Path, link: str, pages: dict[Path, Page]) -> bool:
    parts = urlsplit(link)
    if parts.scheme == "data":
        return True
    end = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not end.is_file():
        return False
    return not parts.fragment or end not in pages or unquote(parts.fragment) in pages[end].names


@pytest.mark.slow
def test_links_to_elsewhere_go_to_hosts_that_we_know(pages: dict[Path, Page]) -> None:
    hosts = {urlsplit(link).netloc for page in pages.values() for link in page.links} - {""}

    assert hosts <= KNOWN_HOSTS


@pytest.mark.slow
def test_nothing_of_a_page_comes_from_another_host(site: Path, pages: dict[Path, Page]) -> None:
    fetched = [link for page in pages.values() for link in page.assets if urlsplit(link).netloc]
    styles = [link for path in site.rglob("*.css") for link in _fetched_by_style(path)]

    assert fetched == []
    assert styles == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "docs" / "images").glob("*.svg")), ids=lambda path: path.name
)
def test_a_picture_fetches_nothing(path: Path) -> None:
    linked = re.findall(r"""(?:href|src)="([^"#][^"]*)"|url\(([^)#][^)]*)\)""", path.read_text())

    assert linked == []


def _fetched_by_style(path: Path) -> Iterator[str]:
    for text in path.read_text(encoding="utf-8").split("url(")[1:]:
        if urlsplit(text.strip("\"'")).netloc:
            yield text[:60]


def test_the_picture_of_the_states_is_that_of_the_code() -> None:
    assert PICTURE.read_text(encoding="utf-8") == picture()


def test_the_picture_shows_every_event_of_every_state_and_no_other() -> None:
    titles = [title.text or "" for title in ET.fromstring(picture()).iterfind(TITLES)]

    assert sorted(titles) == sorted(
        f"{s.name} {e.name} {after.name}" for (s, e), after in NEXT.items()
    )
