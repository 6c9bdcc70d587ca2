"""The words of the command line as one tree, from the program itself.

The completion reads it, the pages are made of it. Each node has `help` (a line), `text` (its help
page), `section`, `hidden`, `arguments`, `options`, `commands` and `opens`: what an unknown word
below it names.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

from mail_proxy.cli._typer import Command, Context, Parameter
from mail_proxy.cli.globals import COLOURS, FORMATS, HELP
from mail_proxy.cli.grammar import Group, first_line
from mail_proxy.cli.help import plain_words
from mail_proxy.cli.levels import instance_level, root_level, tenant_level
from mail_proxy.cli.topics import TOPICS
from mail_proxy.domain.filter_text import VALUES
from tests.docs.manual.values import value_of

Node = dict[str, Any]


def tree() -> Node:
    """`root`, `instance`, `tenant`: the three levels; `everywhere`: options of every command."""
    return {
        "everywhere": [_global(spelling, text) for spelling, text in HELP],
        "topics": list(TOPICS),
        "filter": {word: list(values) for word, values in VALUES.items()},
        "root": _level(root_level(), "mail-proxy", opens="instance"),
        "instance": _level(instance_level(), "NAME", opens="tenant"),
        "tenant": _level(tenant_level(), "TENANT", opens=""),
    }


def as_json(found: Node) -> str:
    """A line for each node and option, so that changes of two people seldom meet in one."""
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _level(command: Command, name: str, *, opens: str) -> Node:
    return _node(command, Context(command, info_name=name), (), opens=opens)


def _node(command: Command, context: Context, path: tuple[str, ...], *, opens: str = "") -> Node:
    parameters = [p for p in command.params if p.name != "help"]
    node: Node = {
        "help": first_line(command.help),
        "text": inspect.cleandoc(command.help or ""),
        "section": "",
        "hidden": command.hidden,
        "arguments": [
            _argument(p, path, context) for p in parameters if p.param_type_name == "argument"
        ],
        "options": [_option(p, path, context) for p in parameters if p.param_type_name == "option"],
        "opens": opens,
        "commands": {},
    }
    if isinstance(command, Group) and command.between:
        node["opens"] = {"NAME": "instance", "ID": "tenant"}[command.between]
    elif isinstance(command, Group):
        node["commands"] = dict(_below(command, context, path))
    return node


def _below(group: Group, context: Context, path: tuple[str, ...]) -> Iterator[tuple[str, Node]]:
    sections = {entry.name: entry.section for entry in group.entries}
    helps = {entry.name: entry.help for entry in group.entries}
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        below = Context(command, info_name=name, parent=context)
        node = _node(command, below, (*path, name))
        node["section"] = sections.get(name, "")
        node["help"] = helps.get(name, node["help"])
        yield name, node


def _argument(parameter: Parameter, path: tuple[str, ...], context: Context) -> Node:
    return {
        "name": str(parameter.metavar or parameter.name or "").strip("[].").rstrip("."),
        "help": _help(parameter, context),
        "required": parameter.required,
        "many": parameter.nargs == -1,
        "value": value_of(parameter, path),
    }


def _option(parameter: Parameter, path: tuple[str, ...], context: Context) -> Node:
    is_flag = bool(getattr(parameter, "is_flag", False))
    return {
        "names": sorted([*parameter.opts, *parameter.secondary_opts], key=_long_first),
        "help": _help(parameter, context),
        "hidden": bool(getattr(parameter, "hidden", False)),
        "required": parameter.required,
        "many": bool(getattr(parameter, "multiple", False)),
        "value": None if is_flag else value_of(parameter, path),
    }


def _long_first(name: str) -> bool:
    return not name.startswith("--")


def _help(parameter: Parameter, context: Context) -> str:
    record = parameter.get_help_record(context)
    text = record[1] if record else str(getattr(parameter, "help", "") or "")
    return plain_words(" ".join(text.split()))


def _global(spelling: str, text: str) -> Node:
    names, _, word = spelling.partition(" ") if ", " not in spelling else (spelling, "", "")
    return {
        "names": sorted(names.split(", "), key=_long_first),
        "help": text,
        "hidden": False,
        "required": False,
        "many": False,
        "value": _GLOBAL_VALUES.get(names, {"kind": "text"}) | {"word": word} if word else None,
    }


_GLOBAL_VALUES: dict[str, Node] = {
    "--output": {"kind": "choice", "choices": list(FORMATS)},
    "--color": {"kind": "choice", "choices": list(COLOURS)},
    "--home": {"kind": "file"},
}
