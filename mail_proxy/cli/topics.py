"""Help that belongs to no command: exit codes, the environment, output, filters, all commands.

Each has a page of the manual; three of them are texts here, of which their pages are made.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import MEANING
from mail_proxy.cli.plain_page import as_text
from mail_proxy.completion.scripts import page

if TYPE_CHECKING:
    from mail_proxy.config.environment import Variable

_WIDTH = 100


def topic(name: str) -> str:
    """The text of one of TOPICS."""
    if name in _TEXTS:
        return _TEXTS[name]()
    found = page(PAGES[name])
    if found is None:
        raise CommandFailed(
            f"this installation has no page {PAGES[name]}", tries=("mail-proxy --help",)
        )
    return as_text(found)


def _exit_codes() -> str:
    lines = "\n".join(f"{code:>4}  {words}" for code, words in MEANING.items())
    return lines + "\n\n`status NAME` has its own: 0 running, 1 dead, 3 stopped, 4 unknown."


def _environment() -> str:
    from mail_proxy.config.environment import VARIABLES, WITHOUT_EFFECT  # for this page alone

    blocks = [_CLI_VARIABLES, "Settings of an instance; they win over config.toml:"]
    for variable in VARIABLES:
        default = default_of(variable)
        text = variable.sentence + (f" Default: {default}." if default else "")
        blocks.append(f"{', '.join(variable.names)}\n{_indented(text)}")
    blocks.append(
        f"Known, and without effect in this version:\n{_indented(', '.join(WITHOUT_EFFECT))}"
    )
    return "\n\n".join(blocks)


def default_of(variable: Variable) -> str:
    """As one would write it into the variable: `604800`, not `604800.0`."""
    if variable.default in ("True", "False"):
        return variable.default.lower()
    try:
        number = float(variable.default)
    except ValueError:
        return variable.default
    is_scaled = "MiB" in variable.kind.words  # kept in bytes
    return f"{number / 2**20 if is_scaled else number:.10g}"


def _indented(text: str) -> str:
    return textwrap.indent(textwrap.fill(text, _WIDTH - 4, break_on_hyphens=False), "    ")


_CLI_VARIABLES = """\
MAIL_PROXY_HOME           where instances live; default ~/.mail-proxy
GMP_INSTANCE, GMP_TENANT  what a line is about that names none; before `mail-proxy use`
MAIL_PROXY_NO_INPUT       never ask; the same as --no-input
MAIL_PROXY_SMTP_PASSWORD  the password for accounts add; a file or stdin is safer
NO_COLOR, CLICOLOR, FORCE_COLOR, CLICOLOR_FORCE, TERM
                          whether there are colours"""

_OUTPUT = """\
Data goes to stdout, all else to stderr. On a terminal data is a table. In a pipe it is one record
a line: fields separated by tabs, whole values, times as RFC 3339 in UTC, no header without
--header; tabs, line breaks and backslashes inside a value are written \\t, \\n and \\\\.

--json is one document, of every command. What changes something says {"ok": true, ...}, --dry-run
says {"ok": true, "dry_run": true, "would": ...}, and what fails says {"ok": false, "error",
"code", "exit_code"} with "field" and "hint" where there are any; stderr has the same in words.
logs -f writes a document a line. --output takes table, plain, json, jsonl or csv. --fields a,b,c
chooses columns and their order in every format. In CSV a text that begins with = + - @, a tab or a
line break has a ' before it, so that a spreadsheet shows it and computes nothing; numbers have
none, and the other formats neither."""

# The page of the manual that has the topic.
PAGES = {
    "exit-codes": "mail-proxy-exit-codes.7",
    "environment": "mail-proxy-config.5",
    "output": "mail-proxy-output.7",
    "filters": "mail-proxy-filters.7",
    "reference": "mail-proxy-reference.7",
}
_ABOUT = {
    "exit-codes": "what the exit code of a command says",
    "environment": "the variables that it reads, and the settings of an instance",
    "output": "streams, formats and JSON",
    "filters": "the language that finds messages",
    "reference": "every command with its options",
}
TOPICS = ("topics", *PAGES)


def _topics() -> str:
    longest = max(map(len, _ABOUT))
    lines = [f"  {name:<{longest}}  {about}" for name, about in _ABOUT.items()]
    return "\n".join(["mail-proxy help TOPIC:", *lines, "", "mail-proxy help COMMAND: a command"])


_TEXTS: dict[str, Callable[[], str]] = {
    "topics": _topics,
    "exit-codes": _exit_codes,
    "environment": _environment,
    "output": lambda: _OUTPUT,
}
