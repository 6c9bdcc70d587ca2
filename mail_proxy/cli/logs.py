"""`NAME logs`: what the daemon wrote. It reads the file, so no daemon has to run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

import typer

from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.moment import moment
from mail_proxy.cli.pager import show_text
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.observe.lines import iso_utc
from mail_proxy.observe.log_lines import LogLine, Wanted, follow, last
from mail_proxy.tables.columns import Column

app = Family()

_COLUMNS = tuple(Column(name) for name in ("time", "level", "line"))
_ALL = 10**9
_LONGEST = 20_000  # characters of a line; ours are shorter


class Level(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


_LEVEL = typer.Option(
    Level.DEBUG, "--level", help="This level and those above.", case_sensitive=False
)


@app.command()
def logs(
    ctx: typer.Context,
    follow_: bool = typer.Option(False, "--follow", "-f", help="Go on with what is added."),
    lines: int | None = typer.Option(
        None,
        "--lines",
        "-n",
        min=0,
        help="How many of the last lines: 100, and with --since all.",
    ),
    since: str | None = typer.Option(
        None, metavar="TIME", help="Not the older ones: 10m ago is 10m; 2026-11-21T12:00."
    ),
    level: Level = _LEVEL,
) -> None:
    """The log of the daemon, whether it runs or not.

    --json is an array of lines; with -f, or --output jsonl, one object a line: `time`, `level` and
    `line`.

    Examples:
      mail-proxy myserver logs -n 20
      mail-proxy myserver logs --since 10m --level warn
      mail-proxy myserver logs -f
    """
    found = here(ctx)
    path = found.instance.log_path
    at = moment("--since", since, found.writer.now())
    wanted = Wanted(_name_of(level), "" if at is None else iso_utc(at))
    if lines is None:
        lines = _ALL if since else 100
    if not path.exists():
        found.writer.hint(f"There is no log yet: {path}")
    if follow_:
        _write(found, follow(path, lines, wanted))
    else:
        _show(found, last(path, lines, wanted))


def _show(found: Here, lines: Sequence[LogLine]) -> None:
    writer = found.writer
    if writer.format in ("json", "csv") or writer.options.fields:
        writer.records(_COLUMNS, [_record(line) for line in lines])
    elif writer.is_for_people:
        show_text(found, "\n".join(safe_text(line.text, _LONGEST) for line in lines))
    else:
        _write(found, iter(lines))


def _write(found: Here, lines: Iterator[LogLine]) -> None:
    for line in lines:
        if found.writer.format in ("json", "jsonl"):
            found.writer.json_line(_record(line))
        else:
            # What relays answer stands in this log, so its lines are foreign text.
            found.writer.line(safe_text(line.text, _LONGEST))


def _record(line: LogLine) -> dict[str, str | None]:
    return {"time": line.time or None, "level": line.level or None, "line": line.text}


def _name_of(level: Level) -> str:
    """As in the log; empty: all."""
    if level is Level.DEBUG:
        return ""
    return "WARNING" if level is Level.WARN else level.value.upper()
