"""How words become commands: tables of names, loaded when they are needed.

A group knows its commands by a table, so that `--help` and a typo load none of their modules. A
word that is not in the table is a name: of an instance after `mail-proxy`, of a tenant after an
instance. The group that runs then finds the name in `ctx.info_name`; nothing is looked up here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup

from mail_proxy.cli._typer import (
    Command,
    Context,
    HelpFormatter,
    Option,
    Parameter,
    TyperCommand,
    build_group,
)
from mail_proxy.cli.help import in_asked_format, write_command_help, write_group_help


@dataclass(frozen=True, slots=True)
class Entry:
    """One command of a group.

    module: where it is, below `mail_proxy.cli`.
    is_group: all of the module's commands are below this word.
    examples: of a group, for its help page.
    aliases: other words for it, which no help page lists.
    """

    name: str
    module: str
    help: str
    section: str
    is_group: bool = False
    examples: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)


class HelpAsked(Exception):
    """A line that asked for a page: whoever runs it shows it as the terminal needs it."""

    def __init__(self, page: str) -> None:
        super().__init__(page)
        self.page = page


def _raising_the_page(option: Option | None) -> Option | None:
    """The option for help, which prints nothing itself."""

    def ask(ctx: Context, _: Parameter, value: bool) -> None:
        if value and not ctx.resilient_parsing:
            raise HelpAsked(ctx.get_help())

    if option is not None:
        option.callback = ask
    return option


class LeafCommand(TyperCommand):
    """A command with our own help page."""

    def get_help_option(self, ctx: Context) -> Option | None:
        return _raising_the_page(super().get_help_option(ctx))

    def get_help(self, ctx: Context) -> str:
        return in_asked_format(super().get_help(ctx), ctx)

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        write_command_help(self, ctx, formatter)


class Group(TyperGroup):
    """A group with our own help page, and no guesses of typer's beside ours.

    kind: what its own word names: `instance`, `tenant`, or nothing for a plain command.
    entries: the commands that its help page lists, where they are in a table.
    between: the word that stands before these commands, as NAME after `mail-proxy instance`.
    """

    kind: ClassVar[str] = ""
    entries: ClassVar[tuple[Entry, ...]] = ()
    between: ClassVar[str] = ""

    def get_help_option(self, ctx: Context) -> Option | None:
        return _raising_the_page(super().get_help_option(ctx))

    def get_help(self, ctx: Context) -> str:
        return in_asked_format(super().get_help(ctx), ctx)

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        write_group_help(self, ctx, formatter, sections(self, ctx), between=self.between)

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """A noun alone tells its commands, as `--help` does."""
        if not args and not self.invoke_without_command:
            raise HelpAsked(self.get_help(ctx))
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: Context, args: list[str]
    ) -> tuple[str | None, Command | None, list[str]]:
        word = args[0]
        if not word.startswith("-") and self.get_command(ctx, word) is None:
            name = ctx.info_name or ""
            raise UnknownWord(word, ctx.command_path, self.list_commands(ctx), self.kind, name)
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: Context) -> list[str]:  # noqa: ARG002 - typer's signature
        return list(self.commands)


class UnknownWord(Exception):
    """A word that is no command and can be no name.

    kind, name: what the word before it was taken for, as in ("tenant", "acounts").
    """

    def __init__(self, word: str, path: str, commands: list[str], kind: str, name: str) -> None:
        super().__init__(word)
        self.word = word
        self.path = path
        self.commands = commands
        self.kind = kind
        self.name = name


class TableGroup(Group):
    """A group whose commands are in a table, and whose other words are names."""

    def list_commands(self, ctx: Context) -> list[str]:  # noqa: ARG002 - typer's signature
        return [entry.name for entry in self.entries]

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:  # noqa: ARG002
        for entry in self.entries:
            if cmd_name in entry.words:
                return load(entry)
        return self.named(cmd_name)

    def named(self, word: str) -> Command | None:  # noqa: ARG002 - for those that have names
        """The group of the thing that `word` names; None when it cannot be a name."""
        return None


def sections(group: Group, ctx: Context) -> list[tuple[str, list[tuple[str, str]]]]:
    """The commands of a group under their headings: (heading, [(name, what it does)])."""
    found: dict[str, list[tuple[str, str]]] = {}
    if group.entries:
        for entry in group.entries:
            found.setdefault(entry.section, []).append((entry.name, entry.help))
        return list(found.items())
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if command is not None and not command.hidden:
            found.setdefault("Commands", []).append((name, first_line(command.help)))
    return list(found.items())


def first_line(text: str | None) -> str:
    return (text or "").strip().split("\n", 1)[0].rstrip(".")


def load(entry: Entry) -> Command | None:
    """The command of an entry, its module imported now."""
    module = import_module(f"mail_proxy.cli.{entry.module}")
    group = build_group(module.app)
    if entry.is_group:
        group.name = entry.name
        if entry.examples:
            lines = "".join(f"\n  mail-proxy {example}" for example in entry.examples)
            group.help = f"{entry.help}.\n\nExamples:{lines}"
        return group
    return group.commands.get(entry.name)


class Family(typer.Typer):
    """A module's commands: `app = Family()`, then `@app.command()` as in any typer program."""

    def __init__(self, *, cls: type[TyperGroup] = Group, **settings: Any) -> None:
        super().__init__(
            cls=cls,
            add_completion=False,
            rich_markup_mode=None,
            pretty_exceptions_enable=False,
            suggest_commands=False,
            **settings,
        )

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        settings.setdefault("cls", LeafCommand)
        return super().command(name, **settings)
