"""How a command is typed, and the rows of its arguments and options, from the tree."""

from __future__ import annotations

from collections.abc import Iterator

from tests.docs.manual.words import Node

BEFORE = {"root": "mail-proxy", "instance": "mail-proxy NAME", "tenant": "mail-proxy NAME TENANT"}


def usage(path: str, node: Node) -> str:
    """`mail-proxy start NAME [OPTIONS]`, as its help page has it."""
    pieces = [path, *(_argument(argument) for argument in node["arguments"])]
    if node["opens"]:
        pieces.append("NAME" if node["opens"] == "instance" else "ID")
    if node["commands"] or node["opens"]:
        pieces.append("COMMAND ...")
    elif any(not option["hidden"] for option in node["options"]):
        pieces.append("[OPTIONS]")
    return " ".join(pieces)


def _argument(argument: Node) -> str:
    name = argument["name"] + ("..." if argument["many"] else "")
    return name if argument["required"] else f"[{name}]"


def spelled(option: Node) -> str:
    """`--port, -p N`."""
    word = f" {option['value']['word']}" if option["value"] else ""
    return ", ".join(option["names"]) + word


def shown_options(node: Node) -> list[Node]:
    return [option for option in node["options"] if not option["hidden"]]


def leaves(path: str, node: Node) -> Iterator[tuple[str, Node]]:
    """The commands below a node, each with the way to it, or the node itself."""
    if not node["commands"]:
        yield path, node
    for word, below in node["commands"].items():
        if not below["hidden"]:
            yield from leaves(f"{path} {word}", below)


def verbs(words: Node) -> dict[str, list[tuple[str, Node]]]:
    """Each word of the three levels, with (how it is typed, its node) of each level that has it."""
    found: dict[str, list[tuple[str, Node]]] = {}
    for level, before in BEFORE.items():
        for word, node in words[level]["commands"].items():
            if not node["hidden"]:
                found.setdefault(word, []).append((f"{before} {word}", node))
    return found
