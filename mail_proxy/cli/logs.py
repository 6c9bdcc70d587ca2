"""`NAME logs`: what the daemon wrote."""

from __future__ import annotations

import typer

from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import here
from mail_proxy.cli.logfile import follow, last_lines
from mail_proxy.domain.safe_text import safe_text

app = Family()


@app.command()
def logs(
    ctx: typer.Context,
    follow_: bool = typer.Option(False, "--follow", "-f", help="Go on with what is added."),
    lines: int = typer.Option(100, "--lines", "-n", min=0, help="How many of the last lines."),
) -> None:
    """The log of the daemon.

    --json is an array of lines; with -f one line a line, as there is no end.

    Examples:
      mail-proxy myserver logs -n 20
      mail-proxy myserver logs -f
    """
    found = here(ctx)
    path = found.instance.log_path
    if not path.exists():
        found.writer.hint(f"There is no log yet: {path}")
    told = follow(path, lines) if follow_ else last_lines(path, lines)
    if found.writer.format == "json" and not follow_:
        found.writer.document(list(told))
        return
    for line in told:
        if found.writer.format in ("json", "jsonl"):
            found.writer.json_line(line)
        else:
            # What relays answer stands in this log, so its lines are foreign text.
            found.writer.line(safe_text(line, 20_000))
