"""Pages of the documentation site: every command, every setting. Markdown, as MyST reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.docs.manual.settings import settings, without_effect
from tests.docs.manual.synopsis import BEFORE, shown_options, spelled, usage
from tests.docs.manual.text import Code, Paragraph, Term, blocks, split_examples
from tests.docs.manual.words import Node

_MADE = "<!-- Made by `make manual`: change the help texts of the program instead. -->"
_SPECIAL = re.compile(r"([\\*_<>\[\]|{}#$~])")
_LEVELS = {
    "root": ("Commands of the machine", "They begin with `mail-proxy`."),
    "instance": ("Commands of an instance", "They begin with `mail-proxy NAME`."),
    "tenant": ("Commands of a tenant", "They begin with `mail-proxy NAME TENANT`."),
}


def commands_page(words: Node) -> str:
    lines = [_MADE, "", "# Commands", "", "Options of every command:", ""]
    lines += _option_rows([*words["everywhere"], *words["root"]["options"]])
    for level, (title, text) in _LEVELS.items():
        lines += ["", f"## {title}", "", text]
        for word, node in words[level]["commands"].items():
            lines += _command(f"{BEFORE[level]} {word}", node, depth=3)
    return "\n".join(lines) + "\n"


def _command(path: str, node: Node, depth: int) -> Iterator[str]:
    if node["hidden"]:
        return
    yield from ("", f"{'#' * depth} `{path}`", "")
    text, examples = split_examples(node["text"])
    yield from ("```text", usage(path, node), "```", "")
    yield from _text(text)
    rows = [(argument["name"], argument["help"]) for argument in node["arguments"]]
    yield from _rows([row for row in rows if row[1]])
    yield from _option_rows(shown_options(node))
    if examples and not node["commands"]:
        code = [line[2:] for line in examples.splitlines()]
        rest = bool(rows or shown_options(node))
        yield from ([""] if rest else [])
        yield from ("Examples:", "", "```sh", *code, "```")
    for word, below in node["commands"].items():
        yield from _command(f"{path} {word}", below, min(depth + 1, 5))


def _text(text: str) -> Iterator[str]:
    for block in blocks(text):
        match block:
            case Paragraph():
                yield from (escaped(block.text), "")
            case Code():
                yield from ("```text", *block.lines, "```", "")
            case Term():
                yield from (f"- `{block.name}`: {escaped(block.text)}", "")


def _option_rows(options: list[Node]) -> list[str]:
    return _rows([(spelled(o), o["help"]) for o in options if not o["hidden"]])


def _rows(rows: list[tuple[str, str]]) -> list[str]:
    return [f"- `{name}`: {escaped(text)}" for name, text in rows]


def settings_page() -> str:
    lines = [_MADE, "", "# Settings", ""]
    lines += [
        "Each may stand in `config.toml` of the instance under its key, or in the environment; the",
        "environment wins. `mail-proxy NAME config show` tells what is in force and where from.",
        "",
    ]
    for setting in settings():
        lines += [f"## `{setting.key or setting.names[0]}`", "", escaped(setting.sentence), ""]
        variables = ", ".join(f"`{name}`" for name in setting.names)
        lines += [f"- In the environment{'' if setting.key else ' only'}: {variables}"]
        lines += [f"- Value: {escaped(setting.words)}"]
        lines += [f"- Default: `{setting.default}`"] if setting.default else []
        lines += ["- Never shown"] if setting.is_secret else []
        lines += [""]
    lines += ["## Known, and without effect", ""]
    lines += [f"- `{name}`: {escaped(why)}" for name, why in without_effect().items()]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text whose own marks Markdown must not read; what is between backticks stays."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:  # one without its other half
        return _SPECIAL.sub(r"\\\1", text).replace("`", "\\`")
    return "`".join(
        piece if i % 2 else _SPECIAL.sub(r"\\\1", piece) for i, piece in enumerate(pieces)
    )
