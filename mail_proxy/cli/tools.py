"""`version`, `help` and `demo`."""

from __future__ import annotations

import os

import typer

from mail_proxy.cli._typer import Command, Context
from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import MEANING, ExitCode
from mail_proxy.cli.grammar import Family, Group
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.suggest import did_you_mean

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
    if found.writer.format in ("table", "plain") and not found.options.fields:
        found.writer.line(f"mail-proxy {__version__}")
    else:
        found.writer.record(record, ())


@app.command("help")
def help_(
    ctx: typer.Context,
    words: list[str] | None = _WORDS,
) -> None:
    """Help on a command or a topic.

    Topics: exit-codes, environment, output.

    Examples:
      mail-proxy help start
      mail-proxy help myserver acme accounts add
      mail-proxy help exit-codes
    """
    found = here(ctx)
    if words and len(words) == 1 and words[0] in _TOPICS:
        found.writer.line(_TOPICS[words[0]])
        return
    found.writer.line(_page(found, ctx.find_root(), words or []))


def _page(found: Here, context: Context, words: list[str]) -> str:
    command: Command = context.command
    for word in words:
        below = command.get_command(context, word) if isinstance(command, Group) else None
        if below is None:
            known = command.list_commands(context) if isinstance(command, Group) else []
            raise CommandFailed(
                f"there is no help on '{word}'.{did_you_mean(word, [*known, *_TOPICS])}",
                tries=("mail-proxy --help",),
                code=ExitCode.NOT_FOUND,
            )
        command = below
        context = Context(command, info_name=word, parent=context, obj=found, color=context.color)
    return context.get_help()


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


_TOPICS = {
    "exit-codes": "\n".join(f"{code:>4}  {words}" for code, words in MEANING.items())
    + "\n\n`status NAME` has its own: 0 running, 1 dead, 3 stopped, 4 unknown.",
    "environment": """\
MAIL_PROXY_HOME           where instances live; default ~/.mail-proxy
MAIL_PROXY_NO_INPUT       never ask; the same as --no-input
MAIL_PROXY_SMTP_PASSWORD  the password for accounts add; a file or stdin is safer
NO_COLOR, CLICOLOR, FORCE_COLOR, CLICOLOR_FORCE, TERM
                          whether there are colours
GMP_*                     settings of an instance; they win over stored ones""",
    "output": """\
Data goes to stdout, all else to stderr. On a terminal data is a table. In a pipe it is one record
a line: fields separated by tabs, whole values, times as RFC 3339 in UTC, no header without
--header; tabs, line breaks and backslashes inside a value are written \\t, \\n and \\\\.

--json is one document. --output takes table, plain, json, jsonl or csv. --fields a,b,c chooses
columns and their order in every format.""",
}
