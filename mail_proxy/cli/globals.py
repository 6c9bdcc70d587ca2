"""Options that are accepted anywhere on the line, taken out before it is parsed.

So `mail-proxy --json my stats` and `mail-proxy my stats --json` are the same. Everything after
`--` is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode

FORMATS = ("table", "plain", "json", "jsonl", "csv")
COLOURS = ("auto", "always", "never")


@dataclass(slots=True)
class GlobalOptions:
    """What was asked for, wherever it stood. `output` None: a table on a terminal, else plain."""

    output: str | None = None
    fields: tuple[str, ...] = ()
    with_header: bool = False
    quiet: int = 0
    yes: bool = False
    no_input: bool = False
    color: str = "auto"
    debug: bool = False
    no_pager: bool = False
    verbose: bool = False
    utc: bool = False
    sort: str = ""
    reverse: bool = False
    home: Path | None = None


HELP: tuple[tuple[str, str], ...] = (
    ("--json", "One JSON document on stdout; the same as --output json."),
    ("--output FORMAT", "table, plain, json, jsonl or csv; default: table on a terminal."),
    ("--fields A,B,C", "Which columns, in which order."),
    ("--sort COLUMN", "Sort what is listed by this column; equal ones stay in their order."),
    ("--reverse", "The other way round."),
    ("--header", "Name the columns in plain output too."),
    ("-q, --quiet", "No hints and no progress; -qq: nothing but errors."),
    (
        "-y, --yes",
        "Answer yes to questions. Deleting an instance, or a tenant with mail, wants --confirm.",
    ),
    ("--no-input", "Never ask; fail and name the missing option instead."),
    ("--color WHEN", "auto, always or never."),
    ("--no-pager", "Long text as it is; PAGER= does the same."),
    ("--utc", "Times in UTC, not in the local zone; in a pipe and in JSON they always are."),
    ("-v, --verbose", "Tell each step on stderr, with its time."),
    ("--debug", "Show tracebacks, and each step with its request of the HTTP API."),
    ("--home FOLDER", "Where instances live; default: MAIL_PROXY_HOME, else ~/.mail-proxy."),
    ("-h, --help", "Show this help."),
)


def hoist(argv: Sequence[str]) -> tuple[GlobalOptions, list[str]]:
    """The global options of a line, and the line without them.

    Raises CommandFailed (wrong usage) for a value that is missing or not known.
    """
    options = GlobalOptions()
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        if word == "--":
            return options, [*rest, word, *words]
        name, has_value, value = word.partition("=")
        if word in _FLAGS:
            _FLAGS[word](options)
        elif name == "--output" and _is_file(value):
            rest.append(word)
        elif name in _VALUES and has_value:
            _VALUES[name](options, value)
        elif word in _VALUES:
            value = _next_value(word, words)
            if word == "--output" and _is_file(value):
                rest += [word, value]
                continue
            _VALUES[word](options, value)
        else:
            rest.append(word)
    return options, rest


def _next_value(name: str, words: Iterator[str]) -> str:
    value = next(words, None)
    if value is None or value == "--":
        raise _wrong(f"{name} needs a value")
    return value


def _is_file(value: str) -> bool:
    """No format, but the path that some commands write to, which is theirs to take."""
    return value not in FORMATS and (value == "-" or "." in value or "/" in value)


def _wrong(message: str) -> CommandFailed:
    return CommandFailed(message, tries=("mail-proxy --help",), code=ExitCode.USAGE)


def _set_json(options: GlobalOptions) -> None:
    options.output = "json"


def _set_header(options: GlobalOptions) -> None:
    options.with_header = True


def _set_quiet(options: GlobalOptions) -> None:
    options.quiet += 1


def _set_very_quiet(options: GlobalOptions) -> None:
    options.quiet += 2


def _set_yes(options: GlobalOptions) -> None:
    options.yes = True


def _set_no_input(options: GlobalOptions) -> None:
    options.no_input = True


def _set_debug(options: GlobalOptions) -> None:
    options.debug = True


def _set_no_pager(options: GlobalOptions) -> None:
    options.no_pager = True


def _set_verbose(options: GlobalOptions) -> None:
    options.verbose = True


def _set_utc(options: GlobalOptions) -> None:
    options.utc = True


def _set_reverse(options: GlobalOptions) -> None:
    options.reverse = True


def _set_sort(options: GlobalOptions, value: str) -> None:
    options.sort = value.strip()
    if not options.sort:
        raise _wrong("--sort needs the name of a column, as in --sort name")


def _set_output(options: GlobalOptions, value: str) -> None:
    if value not in FORMATS:
        raise _wrong(f"--output '{value}' is not one of {', '.join(FORMATS)}")
    options.output = value


def _set_fields(options: GlobalOptions, value: str) -> None:
    options.fields = tuple(name.strip() for name in value.split(",") if name.strip())
    if not options.fields:
        raise _wrong("--fields needs the names of columns, as in --fields id,status")


def _set_color(options: GlobalOptions, value: str) -> None:
    if value not in COLOURS:
        raise _wrong(f"--color '{value}' is not one of {', '.join(COLOURS)}")
    options.color = value


def _set_home(options: GlobalOptions, value: str) -> None:
    if not value:
        raise _wrong("--home needs a folder")
    options.home = Path(value).expanduser().absolute()


_FLAGS: dict[str, Callable[[GlobalOptions], None]] = {
    "--json": _set_json,
    "--header": _set_header,
    "--quiet": _set_quiet,
    "-q": _set_quiet,
    "-qq": _set_very_quiet,
    "--yes": _set_yes,
    "-y": _set_yes,
    "--no-input": _set_no_input,
    "--no-pager": _set_no_pager,
    "--debug": _set_debug,
    "--verbose": _set_verbose,
    "-v": _set_verbose,
    "--utc": _set_utc,
    "--reverse": _set_reverse,
}

_VALUES: dict[str, Callable[[GlobalOptions, str], None]] = {
    "--output": _set_output,
    "--fields": _set_fields,
    "--sort": _set_sort,
    "--color": _set_color,
    "--home": _set_home,
}
