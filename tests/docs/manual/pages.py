"""The pages of the manual: `mail-proxy(1)`, one of each verb, and those of section 5 and 7."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from pathlib import Path

from mail_proxy import __version__
from mail_proxy.cli.topics import PAGES, topic
from tests.docs.manual.roff import Page
from tests.docs.manual.settings import settings
from tests.docs.manual.synopsis import BEFORE, leaves, shown_options, spelled, usage, verbs
from tests.docs.manual.text import parts, split_examples
from tests.docs.manual.words import Node

_ROOT = Path(__file__).parents[3]
_FRAGMENTS = _ROOT / "man" / "fragments"
_RELEASED = re.compile(r"^## [0-9.]+ \((\d{4}-\d{2}-\d{2})\)", re.MULTILINE)
_BEFORE_THE_FIRST_RELEASE = "2026-11-01"
_EXIT = "0 when it is done; other codes are in `mail-proxy-exit-codes`(7)."


def date(changelog: Path = _ROOT / "CHANGELOG.md") -> str:
    """Of the newest release, or of SOURCE_DATE_EPOCH: the same for whoever builds it."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch:
        return time.strftime("%Y-%m-%d", time.gmtime(int(epoch)))
    released = _RELEASED.search(changelog.read_text())
    return released[1] if released else _BEFORE_THE_FIRST_RELEASE


def pages(words: Node) -> dict[str, str]:
    """File name to source of every page."""
    found = {"mail-proxy.1": _program(words)}
    for word, places in verbs(words).items():
        found[f"mail-proxy-{word}.1"] = _verb(word, places)
    found["mail-proxy-config.5"] = _config()
    found["mail-proxy-reference.7"] = _reference(words)
    for name, title in _TOPIC_TITLES.items():
        found[f"mail-proxy-{name}.7"] = _topic(name, title)
    return found


_TOPIC_TITLES = {
    "exit-codes": "what the exit codes of mail-proxy say",
    "output": "the formats and streams of mail-proxy's output",
    "filters": "the language that finds messages",
}


def _page(name: str, section: int, title: str) -> Page:
    return Page(name, section, title, version=__version__, date=date())


def _fragments(name: str) -> dict[str, str]:
    path = _FRAGMENTS / f"{name}.txt"
    return parts(path.read_text()) if path.exists() else {}


def _end(page: Page, more: dict[str, str], see_also: Iterable[str]) -> str:
    """The hand-written sections, and where to read on."""
    for heading, text in more.items():
        page.heading(heading)
        page.text(text)
    page.heading("SEE ALSO")
    page.text(", ".join(see_also))
    return page.source()


def _program(words: Node) -> str:
    more = _fragments("mail-proxy.1")
    root = words["root"]
    page = _page("mail-proxy", 1, "a durable queue between your application and SMTP")
    page.heading("SYNOPSIS")
    page.usage([f"`{before}` COMMAND ..." for before in BEFORE.values()])
    page.heading("DESCRIPTION")
    page.text(more.pop("DESCRIPTION"))
    for level, before in BEFORE.items():
        page.heading(f"COMMANDS OF {before}")
        for word, node in words[level]["commands"].items():
            if not node["hidden"]:
                page.term(f"`{word}`", node["help"] + ".")
    page.heading("OPTIONS")
    page.text("These may stand anywhere on the line, up to `--`.")
    _options(page, [*words["everywhere"], *root["options"]])
    page.heading("EXAMPLES")
    page.text(more.pop("EXAMPLES"))
    page.heading("EXIT STATUS")
    page.text(_as_terms(topic("exit-codes")))
    others = sorted(f"`mail-proxy-{word}`(1)" for word in verbs(words))
    return _end(page, more, [*others, "`mail-proxy-config`(5)", "`mail-proxy-filters`(7)"])


def _as_terms(text: str) -> str:
    """`   4  not found` as terms and texts."""
    return re.sub(r"^ *(\d+)  (.*)$", r"\1\n: \2.\n", text, flags=re.MULTILINE)


def _verb(word: str, places: list[tuple[str, Node]]) -> str:
    more = _fragments(f"mail-proxy-{word}.1")
    name = f"mail-proxy-{word}"
    page = _page(name, 1, places[0][1]["help"])
    all_leaves = [leaf for path, node in places for leaf in leaves(path, node)]
    page.heading("SYNOPSIS")
    page.usage([f"`{path}`{usage('', node)}" for path, node in all_leaves])
    if all(not node["commands"] for _, node in places):
        _plain_verb(page, places)
    else:
        _group(page, places, all_leaves)
    page.text("Options of every command are in `mail-proxy`(1).")
    examples = [line for _, node in all_leaves for line in _example_lines(node)]
    if "EXAMPLES" in more or examples:
        page.heading("EXAMPLES")
        page.text(more.pop("EXAMPLES", ""))
        page.code(tuple(dict.fromkeys(examples)), is_first=True)
    more = {"EXIT STATUS": _EXIT, **more}
    also = ["`mail-proxy`(1)", "`mail-proxy-config`(5)"]
    if any("--filter" in option["names"] for _, node in all_leaves for option in node["options"]):
        also.append("`mail-proxy-filters`(7)")
    return _end(page, more, also)


def _plain_verb(page: Page, places: list[tuple[str, Node]]) -> None:
    page.heading("DESCRIPTION")
    for path, node in places:
        if len(places) > 1:
            page.below(usage(path, node))
        page.text(split_examples(node["text"])[0])
    page.heading("OPTIONS")
    rows = {row: None for _, node in places for row in _rows(node)}
    for name, text in rows:
        page.term(f"`{name}`", text)


def _group(page: Page, places: list[tuple[str, Node]], all_leaves: list[tuple[str, Node]]) -> None:
    page.heading("DESCRIPTION")
    page.text(split_examples(places[0][1]["text"])[0])
    page.heading("COMMANDS")
    for path, node in all_leaves:
        page.below(usage(path, node))
        page.text(split_examples(node["text"])[0])
        for name, text in _rows(node):
            page.term(f"`{name}`", text)
    page.heading("OPTIONS")


def _rows(node: Node) -> list[tuple[str, str]]:
    arguments = [(a["name"], a["help"]) for a in node["arguments"] if a["help"]]
    return arguments + [(spelled(option), option["help"]) for option in shown_options(node)]


def _options(page: Page, options: list[Node]) -> None:
    for option in options:
        if not option["hidden"]:
            page.term(f"`{spelled(option)}`", option["help"])


def _example_lines(node: Node) -> list[str]:
    return [line[2:] for line in split_examples(node["text"])[1].splitlines() if line.strip()]


def _config() -> str:
    more = _fragments("mail-proxy-config.5")
    page = _page("mail-proxy-config", 5, "the settings of an instance of mail-proxy")
    page.heading("DESCRIPTION")
    page.text(more.pop("DESCRIPTION"))
    page.heading("SETTINGS")
    for setting in settings():
        page.term(f"`{setting.title}`", setting.text)
    return _end(page, more, ["`mail-proxy`(1)", "`mail-proxy-serve`(1)"])


def _reference(words: Node) -> str:
    page = _page("mail-proxy-reference", 7, "every command of mail-proxy, with its options")
    page.heading("DESCRIPTION")
    page.text(
        "Each command with what it does and what it takes. Options of every command are in "
        "`mail-proxy`(1)."
    )
    for level, before in BEFORE.items():
        page.heading(f"COMMANDS OF {before}")
        for path, node in leaves(before, words[level]):
            page.below(usage(path, node))
            page.text(split_examples(node["text"])[0])
            for name, text in _rows(node):
                page.term(f"`{name}`", text)
    return _end(page, {}, ["`mail-proxy`(1)"])


def _topic(name: str, title: str) -> str:
    page = _page(f"mail-proxy-{name}", 7, title)
    more = _fragments(f"mail-proxy-{name}.7")
    page.heading("DESCRIPTION")
    page.text(more.pop("DESCRIPTION") if more else _as_terms(topic(name)))
    return _end(page, more, ["`mail-proxy`(1)"])


assert all(name in PAGES for name in _TOPIC_TITLES), "each topic's page can be shown by `help`"
