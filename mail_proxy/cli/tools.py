"""`version`, `help` and `demo`."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from mail_proxy.cli._typer import Command, Context
from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.grammar import Family, Group, TableGroup
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.pager import show_page, show_text
from mail_proxy.cli.topics import PAGES, TOPICS, topic
from mail_proxy.cli.tree import INSTANCE_WORDS, ROOT_WORDS, TENANT_WORDS
from mail_proxy.completion.scripts import page
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.domain.suggest import did_you_mean

app = Family()

_WORDS = typer.Argument(None, metavar="[COMMAND...]", help="Or a topic.")


@app.command()
def version(ctx: typer.Context) -> None:
    """The version of this program.

    Examples:
      mail-proxy version
      mail-proxy version --json
    """
    print_version(here(ctx))


def print_version(found: Here) -> None:
    import platform

    from mail_proxy import __version__

    record = {"version": __version__, "python": platform.python_version()}
    found.writer.done(record, f"mail-proxy {__version__}")


@app.command("help")
def help_(
    ctx: typer.Context,
    words: list[str] | None = _WORDS,
) -> None:
    """Help on a command or a topic.

    Topics: exit-codes, environment, output, filters and reference, which has all commands. On a
    terminal with `man` it shows the page of the manual.

    Examples:
      mail-proxy help start
      mail-proxy help myserver acme accounts add
      mail-proxy help exit-codes
    """
    found = here(ctx)
    if words and len(words) == 1 and words[0] in TOPICS:
        _show_topic(found, words[0])
        return
    path = _from_the_root(found, words or [])
    text = _page(found, ctx.find_root(), path)  # in the format that the line asked for
    manual = _manual_of(path)
    if manual is None or not show_page(found, manual):
        show_text(found, text)


def _show_topic(found: Here, name: str) -> None:
    manual = page(PAGES[name]) if name in PAGES else None
    if manual is not None and show_page(found, manual):
        return
    text = topic(name)
    if found.writer.is_for_people:
        show_text(found, text)
    else:
        found.writer.done({"help": text}, text)


def _manual_of(path: list[str]) -> Path | None:
    """The page of a command that has one of its own; names may stand before it."""
    levels = (ROOT_WORDS, INSTANCE_WORDS, TENANT_WORDS)
    if 0 < len(path) <= len(levels) and path[-1] in levels[len(path) - 1]:
        return page(f"mail-proxy-{path[-1]}.1")
    return None


def _from_the_root(found: Here, words: list[str]) -> list[str]:
    """The words with what belongs before them: `suspend` is a command of an instance."""
    if not words or words[0] in ROOT_WORDS or words[0] in found.instance_names():
        return words
    if words[0] in INSTANCE_WORDS:
        return ["NAME", *words]
    if words[0] in TENANT_WORDS:
        return ["NAME", "TENANT", *words]
    if words[0] == "NAME" or _may_stand_after_a_name(words[1:]):
        return words
    known = (*ROOT_WORDS, *TOPICS, *found.instance_names())
    raise CommandFailed(
        f"'{safe_text(words[0], 80)}' is no command, no topic and no instance."
        f"{did_you_mean(words[0], known)}",
        tries=("mail-proxy --help",),
        code=ExitCode.NOT_FOUND,
    )


def _may_stand_after_a_name(words: list[str]) -> bool:
    """Then the word before them is a name, whether there is such an instance yet or not."""
    below = (INSTANCE_WORDS, TENANT_WORDS)
    return any(word in known for word, known in zip(words, below, strict=False))


def _page(found: Here, context: Context, words: list[str]) -> str:
    command: Command = context.command
    for word in words:
        below = _below(command, context, word)
        if below is None:
            known = command.list_commands(context) if isinstance(command, Group) else []
            raise CommandFailed(
                f"there is no help on '{safe_text(word, 80)}'.{did_you_mean(word, known)}",
                tries=(f"{context.command_path} --help",),
                code=ExitCode.NOT_FOUND,
            )
        command = below
        context = Context(command, info_name=word, parent=context, obj=found, color=context.color)
    return context.get_help()


def _below(command: Command, context: Context, word: str) -> Command | None:
    if word == "NAME" and isinstance(command, TableGroup):
        return command.named("name")  # as the manual writes the name of any instance
    return command.get_command(context, word) if isinstance(command, Group) else None


@app.command()
def demo(
    ctx: typer.Context,
    keep: bool = typer.Option(False, "--keep", help="Leave the instance of the demo there."),
) -> int:
    """Watch a queue work, with a mail server made for it.

    Nothing leaves this machine.

    Examples:
      mail-proxy demo
    """
    # The demo makes an instance and a daemon of its own: both look here for their place.
    os.environ["MAIL_PROXY_HOME"] = str(here(ctx).root)
    from mail_proxy.cli.demo import run_demo  # asyncio, httpx and rich: for this command alone

    return run_demo(keep=keep)
