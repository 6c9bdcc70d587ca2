"""Help pages: what it does, examples, commands by heading, options. No boxes, greppable."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence

from mail_proxy.cli import globals as global_options
from mail_proxy.cli._typer import Command, Context, HelpFormatter
from mail_proxy.cli.colour import BOLD, paint

Rows = list[tuple[str, str]]

# The parser's own way to write types and ranges, and ours.
_WORDS = (
    (re.compile(r"<(int|int range|float)>"), "N"),
    (re.compile(r"<(str|text)>"), "TEXT"),
    (re.compile(r"\{([A-Za-z.]+)\}"), r"\1"),
    (re.compile(r"(\d+)<=x<=(\d+)"), r"\1 to \2"),
    (re.compile(r"x>=(\d+)"), r"\1 or more"),
)


_LAST_LINE = "Manual: man mail-proxy, and mail-proxy help topics\n"


def in_asked_format(page: str, ctx: Context) -> str:
    """The page as it is, or as one JSON document when the line asked for that."""
    asked = getattr(getattr(ctx.obj, "options", None), "output", None)
    if asked not in ("json", "jsonl"):
        return page
    import json

    return json.dumps({"ok": True, "help": page}, indent=2 if asked == "json" else None)


def write_command_help(command: Command, ctx: Context, formatter: HelpFormatter) -> None:
    """The page of a command that does something."""
    _write_text(command, formatter)
    _write_usage(command, ctx, formatter)
    arguments, options = _parameters(command, ctx)
    _write_rows(ctx, formatter, "Arguments", arguments)
    _write_rows(ctx, formatter, "Options", options)
    formatter.write("\nOptions for every command: mail-proxy --help\n")
    formatter.write(_LAST_LINE)


def write_group_help(
    command: Command,
    ctx: Context,
    formatter: HelpFormatter,
    sections: Sequence[tuple[str, Rows]],
    *,
    between: str = "",
) -> None:
    """The page of a word that has commands below it."""
    _write_text(command, formatter)
    _write_usage(command, ctx, formatter)
    for heading, rows in sections:
        _write_rows(ctx, formatter, heading, rows)
    if ctx.parent is None:
        _, options = _parameters(command, ctx)
        extra = [row for row in options if "--help" not in row[0]]
        _write_rows(ctx, formatter, "Options, anywhere on the line", [*global_options.HELP, *extra])
        formatter.write("\nMore: mail-proxy COMMAND --help\n")
    else:
        path = " ".join(word for word in (ctx.command_path, between) if word)
        formatter.write(f"\nMore: {path} COMMAND --help\n")
    formatter.write(_LAST_LINE)


def _write_text(command: Command, formatter: HelpFormatter) -> None:
    text = inspect.cleandoc(command.help or "").strip()
    if text:
        formatter.write(text + "\n\n")


def _write_usage(command: Command, ctx: Context, formatter: HelpFormatter) -> None:
    pieces = plain_words(" ".join(command.collect_usage_pieces(ctx)))
    formatter.write(f"{_heading(ctx, 'Usage:')} {ctx.command_path} {pieces}\n")


def _write_rows(
    ctx: Context, formatter: HelpFormatter, heading: str, rows: Sequence[tuple[str, str]]
) -> None:
    if not rows:
        return
    formatter.write(f"\n{_heading(ctx, heading + ':')}\n")
    formatter.indent()
    formatter.write_dl(list(rows), col_max=28)
    formatter.dedent()


def _heading(ctx: Context, text: str) -> str:
    return paint(text, BOLD, coloured=bool(ctx.color))


def _parameters(command: Command, ctx: Context) -> tuple[Rows, Rows]:
    arguments: Rows = []
    options: Rows = []
    for parameter in command.get_params(ctx):
        row = parameter.get_help_record(ctx)
        if row is not None:
            is_argument = parameter.param_type_name == "argument"
            name, text = map(plain_words, row)
            (arguments if is_argument else options).append((name, text))
    return arguments, options


def plain_words(text: str) -> str:
    for pattern, words in _WORDS:
        text = pattern.sub(words, text)
    return text
