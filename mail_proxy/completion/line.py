"""Which words fit where the cursor is: decided from the tree and the words before it alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

INSTANCE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}\Z")
ENTITY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")

TYPE_CHECKING = False  # that of `typing`, whose import takes longer than an answer
if TYPE_CHECKING:
    from typing import Any

    Node = dict[str, Any]

_NAMES = ("instance", "tenant", "account", "message")
_FILTERED_NAMES = {"tenant": "tenant", "account": "account", "id": "message"}


class Wanted:
    """What may stand there.

    offers: (word, what it is), all that are known; typed: what each must begin with.
    prefix: stands before each of them, as `--output=`.
    what: the kind of names to look up, of this instance and tenant; empty: none.
    files: a pattern of file names, empty for all of them; None: no files.
    """

    def __init__(self, typed: str) -> None:
        self.typed = typed
        self.offers: list[tuple[str, str]] = []
        self.prefix = ""
        self.what = ""
        self.instance = ""
        self.tenant = ""
        self.files: str | None = None


class Walk:
    """The way of a line through the tree, a word at a time."""

    def __init__(self, tree: Node, chosen: tuple[str, str]) -> None:
        self.tree = tree
        self.chosen = chosen
        self.place: Node | None = tree["root"]  # None: nothing is known from here on
        self.instance = ""
        self.tenant = ""
        self.arguments: list[str] = []
        self.used: set[str] = set()
        self.option: Node | None = None  # the next word is its value
        self.only_arguments = False  # after `--`

    def take(self, word: str) -> None:
        if self.option is not None:
            self.option = None
        elif word == "--":
            self.only_arguments = True
        elif word.startswith("-") and word != "-" and not self.only_arguments:
            self._take_option(word)
        elif self.place is not None and _is_group(self.place):
            self.place = self._below(self.place, word)
        else:
            self.arguments.append(word)

    def _take_option(self, word: str) -> None:
        name, has_value, _ = word.partition("=")
        found = self.find(name)
        if found is None:
            return
        self.used.update(found["names"])
        if found["value"] and not has_value:
            self.option = found

    def _below(self, place: Node, word: str) -> Node | None:
        if word in place["commands"]:
            found: Node = place["commands"][word]
            return found
        if place is self.tree["root"] and (level := self._level_of(word)) is not None:
            return self._below(level, word)
        return self._named(place["opens"], word)

    def _named(self, kind: str, word: str) -> Node | None:
        if kind == "instance" and INSTANCE_NAME.match(word):
            self.instance = word
        elif kind == "tenant" and ENTITY_ID.match(word):
            self.tenant = word
        else:
            return None
        found: Node = self.tree[kind]
        return found

    def _level_of(self, word: str) -> Node | None:
        """The level of a command whose names the line leaves out, as something is chosen."""
        instance, tenant = self.chosen
        if not instance:
            return None
        if tenant and word in self.tree["tenant"]["commands"]:
            self.instance, self.tenant = self.chosen
        elif word in self.tree["instance"]["commands"]:
            self.instance = instance
        else:
            return None
        found: Node = self.tree["tenant" if self.tenant else "instance"]
        return found

    def find(self, name: str) -> Node | None:
        """The option of that name, of the command or of all."""
        return next((option for option in self.options() if name in option["names"]), None)

    def options(self) -> list[Node]:
        own = self.place["options"] if self.place else []
        return [*own, *self.tree["everywhere"]]


def wanted(tree: Node, words: Sequence[str], current: str, chosen: tuple[str, str]) -> Wanted:
    """What may stand at `current`. chosen: instance and tenant of lines that name none, or ""."""
    walk = Walk(tree, chosen)
    for word in words:
        walk.take(word)
    found = Wanted(current)
    found.instance, found.tenant = walk.instance, walk.tenant
    name, has_value, typed = current.partition("=")
    option = walk.find(name) if name.startswith("--") and not walk.only_arguments else None
    if walk.option is not None:
        _offer_value(found, walk, walk.option["value"])
    elif option is not None and option["value"] and has_value:
        found.prefix, found.typed = f"{name}=", typed
        _offer_value(found, walk, option["value"])
    elif current.startswith("-") and not walk.only_arguments:
        found.offers = _options(walk)
    elif walk.place is not None and _is_group(walk.place):
        _offer_commands(found, walk, walk.place)
    elif walk.place is not None:
        _offer_argument(found, walk, walk.place["arguments"])
    return found


def _is_group(node: Node) -> bool:
    return bool(node["commands"] or node["opens"])


def _options(walk: Walk) -> list[tuple[str, str]]:
    return [
        (name, option["help"])
        for option in walk.options()
        if not option["hidden"] and (option["many"] or walk.used.isdisjoint(option["names"]))
        for name in option["names"]
        if name.startswith("--")
    ]


def _offer_commands(found: Wanted, walk: Walk, place: Node) -> None:
    found.offers = _words(place)
    found.what = place["opens"]
    instance, tenant = walk.chosen
    if place is walk.tree["root"] and instance:
        for level in ("instance", *(["tenant"] if tenant else [])):
            known = [word for word, _ in found.offers]
            found.offers += [row for row in _words(walk.tree[level]) if row[0] not in known]


def _words(place: Node) -> list[tuple[str, str]]:
    return [(word, node["help"]) for word, node in place["commands"].items() if not node["hidden"]]


def _offer_argument(found: Wanted, walk: Walk, arguments: list[Node]) -> None:
    n = len(walk.arguments)
    if n < len(arguments):
        _offer_value(found, walk, arguments[n]["value"])
    elif arguments and arguments[-1]["many"]:
        _offer_value(found, walk, arguments[-1]["value"])


def _offer_value(found: Wanted, walk: Walk, value: Node) -> None:
    kind = value["kind"]
    if kind in _NAMES:
        found.what = kind
    elif kind == "file":
        found.files = value.get("pattern", "")
    elif kind == "choice":
        found.offers = [(choice, "") for choice in value["choices"]]
    elif kind == "choices":
        _split(found, ",")
        found.offers = [(choice, "") for choice in value["choices"]]
    elif kind == "place":
        _split(found, "/")
        found.what = "tenant" if found.prefix else "instance"
        found.instance = found.prefix.rstrip("/") or walk.chosen[0]
    elif kind == "filter":
        offer_filter(found, walk.tree["filter"])
    elif kind == "help":
        _offer_help(found, walk)


def offer_filter(found: Wanted, words: Mapping[str, Sequence[str]]) -> None:
    """Of the last term what is being typed: its word, or one of its values."""
    if found.typed[:1] in ("'", '"'):
        found.typed = found.typed[1:]
    _split(found, " ")
    if found.typed[:1] == "-":  # not this
        found.prefix, found.typed = found.prefix + "-", found.typed[1:]
    word, has_value, _ = found.typed.partition(":")
    if not has_value:
        found.offers = [(f"{each}:", "") for each in words]
        return
    found.prefix, found.typed = found.prefix + f"{word}:", found.typed[len(word) + 1 :]
    _split(found, ",")
    found.what = _FILTERED_NAMES.get(word, "")
    found.offers = [(value, "") for value in words.get(word, ())]


def _split(found: Wanted, mark: str) -> None:
    """Only what stands after the last mark is being typed."""
    before, has_mark, typed = found.typed.rpartition(mark)
    found.prefix += before + has_mark
    found.typed = typed


def _offer_help(found: Wanted, walk: Walk) -> None:
    tree = walk.tree
    if not walk.arguments:
        levels = [tree[level]["commands"] for level in ("root", "instance", "tenant")]
        found.offers = [(topic, "topic") for topic in tree["topics"]]
        found.offers += _each_once((word, at[word]["help"]) for at in levels for word in at)
        found.what = "instance"
        return
    below = Walk(tree, ("NAME", "TENANT"))
    for word in walk.arguments:
        below.take("name" if word == "NAME" else word)
    found.instance, found.tenant = below.instance, below.tenant
    if below.place is not None and _is_group(below.place):
        found.offers, found.what = _words(below.place), below.place["opens"]


def _each_once(rows: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return list(dict(rows).items())
