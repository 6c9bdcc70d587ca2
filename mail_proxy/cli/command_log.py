"""`NAME command-log ...`: who changed what, when, and how it was answered."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.moment import moment
from mail_proxy.cli.output import Writer, pairs
from mail_proxy.domain import units
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.private_files import replacing_private
from mail_proxy.tables.columns import Column
from mail_proxy.tables.lists import COMMANDS

app = Family()

_EXPORTED = tuple(Column(name) for name in ("command_ts", "tenant_id", "endpoint", "payload"))

_TENANT = typer.Option(None, "--tenant", "-t", metavar="ID", help="Only of this tenant.")
_SINCE = typer.Option(
    None, "--since", metavar="TIME", help="From then on: 2h ago is 2h; 2026-11-21T10:00."
)
_UNTIL = typer.Option(None, "--until", metavar="TIME", help="And before then.")
_ENDPOINT = typer.Option(None, "--endpoint", "-e", metavar="TEXT", help="A part of the path.")


@app.command("list")
def list_(
    ctx: typer.Context,
    tenant: str | None = _TENANT,
    since: str | None = _SINCE,
    until: str | None = _UNTIL,
    endpoint: str | None = _ENDPOINT,
    limit: int = typer.Option(50, "--limit", "-l", min=1, max=10_000, help="The latest so many."),
) -> None:
    """Changes, the latest first. Secrets in them are masked.

    Examples:
      mail-proxy myserver command-log list --tenant acme --since 2h
      mail-proxy myserver command-log list --endpoint suspend --json
    """
    found = here(ctx)
    which = _which(found, tenant, since, until, endpoint)
    told = found.call("listCommands", **which, limit=limit)["commands"]
    found.writer.records(COMMANDS, told, empty="Nothing was changed.")
    if len(told) == limit:
        found.writer.hint(f"Only the latest {limit}. All: {found.path} command-log export")


@app.command()
def export(
    ctx: typer.Context,
    tenant: str | None = _TENANT,
    since: str | None = _SINCE,
    until: str | None = _UNTIL,
    endpoint: str | None = _ENDPOINT,
    file: str | None = typer.Option(
        None, "--output", "-o", metavar="FILE", help="Instead of stdout; only you may read it."
    ),
) -> None:
    """All changes, the oldest first: one JSON document a line.

    --json makes one array of them, --output csv a table.

    Examples:
      mail-proxy myserver command-log export -o changes.jsonl
      mail-proxy myserver command-log export --tenant acme --since 30d --output csv
    """
    found = here(ctx)
    pages = _pages(found, _which(found, tenant, since, until, endpoint))
    first = next(pages)  # what refuses the request refuses it before a file is begun
    found.options.output = found.options.output or "jsonl"
    if file is None or file == "-":
        _write(found.writer, first, pages)
        return
    path = Path(file).expanduser()
    with _writer_to(found, path) as writer:
        n = _write(writer, first, pages)
    found.writer.hint(f"{units.count(n)} changes are in {safe_text(path)}")


@app.command()
def purge(
    ctx: typer.Context,
    before: str = typer.Option(
        ..., "--before", metavar="TIME", help="What is older goes: 90d, or 2026-11-21T10:00."
    ),
    force: bool = typer.Option(False, "--force", "-f", help="Do not ask."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would change."),
) -> None:
    """Remove old lines. That it was done is a line itself.

    Examples:
      mail-proxy myserver command-log purge --before 30d
    """
    found = here(ctx)
    before_ts = moment("--before", before, found.writer.now())
    when = units.local_time(before_ts)
    if dry_run:
        found.writer.would(f"remove the command log of '{found.instance.name}' before {when}")
        return
    found.prompts.confirm_command(
        "purgeCommands", instance=found.instance.name, given=force, before_ts=before_ts
    )
    removed = 0
    with found.control() as control:
        while True:
            told = control.call("purgeCommands", before_ts=before_ts)
            removed += int(told["removed"])
            if not told["has_more"]:
                break
    lines = f"{units.count(removed)} line{'' if removed == 1 else 's'}"
    found.writer.done({"removed": removed}, f"Removed {lines} from before {when}")


def _which(
    found: Here, tenant: str | None, since: str | None, until: str | None, endpoint: str | None
) -> dict[str, Any]:
    now = found.writer.now()
    return pairs(
        tenant_id=tenant,
        since_ts=moment("--since", since, now),
        until_ts=moment("--until", until, now),
        endpoint_filter=endpoint,
    )


def _pages(found: Here, which: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    with found.control() as control:
        cursor: dict[str, str] = {}
        while True:
            told = control.call("exportCommands", **which, **cursor)
            yield told["commands"]
            if not told.get("next_cursor"):
                return
            cursor = {"cursor": told["next_cursor"]}


def _write(
    writer: Writer, first: list[dict[str, Any]], pages: Iterator[list[dict[str, Any]]]
) -> int:
    """All pages; how many records. By lines they pass one by one: the log may be long."""
    if writer.format != "jsonl":
        records = [*first, *(record for page in pages for record in page)]
        writer.records(_EXPORTED, records)
        return len(records)
    writer.records(_EXPORTED, first)
    n = len(first)
    for page in pages:
        writer.records(_EXPORTED, page)
        n += len(page)
    return n


@contextmanager
def _writer_to(found: Here, path: Path) -> Iterator[Writer]:
    """Writes to the file, which is there when it is whole."""
    try:
        with replacing_private(path) as file:
            text = io.TextIOWrapper(file, encoding="utf-8", write_through=True)
            yield Writer(found.options, text, found.writer.stderr, found.environ)
            text.detach()
    except OSError as error:
        why = error.strerror or os.strerror(error.errno or 0)
        raise CommandFailed(
            f"cannot write {safe_text(path, 300)}: {why}", code=ExitCode.FAILED
        ) from error
