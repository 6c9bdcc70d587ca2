"""`NAME TENANT suppressions ...`: the addresses that its mail is not sent to."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.output import pairs
from mail_proxy.control.base import SyncControl
from mail_proxy.domain.errors import NotFound
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.domain.spreadsheet import from_cell
from mail_proxy.tables.lists import SUPPRESSIONS

app = Family()

PAGE = 1000  # addresses in one request
_ADDRESSES = typer.Argument(
    ..., metavar="ADDRESS...", help="ann@example.org, or @example.org for everybody there."
)
_REASON = typer.Option(None, "--reason", help="Shown with each refusal.")


@app.command("list")
def list_(
    ctx: typer.Context,
    limit: int = typer.Option(50, "--limit", "-l", min=0, help="How many; 0: all."),
) -> None:
    """The addresses that get no mail of this tenant.

    Examples:
      mail-proxy myserver acme suppressions list
    """
    found = here(ctx)
    records = _all(found, limit + 1 if limit else 0)
    shown = records[:limit] if limit else records
    empty = f"Nobody is on the list. Add somebody: {found.path} suppressions add ann@example.org"
    found.writer.records(SUPPRESSIONS, shown, empty=empty)
    if len(records) > len(shown):
        found.writer.hint(f"Only the first {limit}. All of them: --limit 0")


@app.command()
def export(ctx: typer.Context) -> None:
    """The whole list as CSV, or as --output says; `import` reads the CSV.

    Examples:
      mail-proxy myserver acme suppressions export > suppressions.csv
      mail-proxy myserver acme suppressions export --json
    """
    found = here(ctx)
    if found.options.output is None:
        found.options.output = "csv"
    found.writer.records(SUPPRESSIONS, _all(found, 0))


@app.command()
def add(ctx: typer.Context, addresses: list[str] = _ADDRESSES, reason: str | None = _REASON) -> int:
    """Send nothing more to these addresses; what waits already is sent.

    Examples:
      mail-proxy myserver acme suppressions add ann@example.org --reason "has unsubscribed"
      mail-proxy myserver acme suppressions add @example.net
    """
    found = here(ctx)
    return _add(found, [pairs(address=address, reason=reason) for address in addresses])


@app.command("import")
def import_(
    ctx: typer.Context,
    file: str = typer.Argument(..., metavar="FILE", help="- is stdin."),
    reason: str | None = _REASON,
) -> int:
    """Add addresses from a file: one a line, or CSV with the columns address and reason.

    A ' that export wrote before a text for spreadsheets is taken off again.

    Examples:
      mail-proxy myserver acme suppressions import suppressions.csv
      mail-proxy myserver acme suppressions import addresses.txt --reason "old bounces"
    """
    found = here(ctx)
    entries = list(_entries(_lines(found, file)))
    if not entries:
        raise CommandFailed(f"there is no address in {safe_text(file, 200)}", code=ExitCode.USAGE)
    return _add(found, [{**pairs(reason=reason), **entry} for entry in entries])


@app.command()
def remove(ctx: typer.Context, addresses: list[str] = _ADDRESSES) -> int:
    """Send to these addresses again.

    Examples:
      mail-proxy myserver acme suppressions remove ann@example.org
    """
    found = here(ctx)
    tenant_id = found.require_tenant_id()
    with found.control() as control:
        absent = [a for a in addresses if not _remove(control, tenant_id, a)]
    removed = [address for address in addresses if address not in absent]
    if not removed and len(absent) == 1:
        raise CommandFailed(
            f"'{safe_text(absent[0], 255)}' is not on the suppression list",
            tries=(f"{found.path} suppressions list",),
            code=ExitCode.NOT_FOUND,
        )
    found.writer.done(
        {"removed": removed, "not_found": absent}, f"Removed {_addresses(len(removed))}"
    )
    for address in absent:
        found.writer.complain(f"  not on the list: {safe_text(address, 255)}")
    return ExitCode.PARTLY if absent else ExitCode.DONE


def _remove(control: SyncControl, tenant_id: str, address: str) -> bool:
    try:
        control.call("removeSuppression", tenant_id=tenant_id, address=address)
    except NotFound:
        return False
    return True


def _add(found: Here, entries: Sequence[dict[str, Any]]) -> int:
    tenant_id = found.require_tenant_id()
    added, updated = 0, 0
    rejected: list[dict[str, Any]] = []
    with found.control() as control:
        for start in range(0, len(entries), PAGE):
            some = entries[start : start + PAGE]
            told = control.call("addSuppressions", tenant_id=tenant_id, addresses=some)
            added, updated = added + told["added"], updated + told["updated"]
            rejected += told["rejected"]
    were = "was" if updated == 1 else "were"
    changed = f"; {updated} {were} there already" if updated else ""
    found.writer.done(
        {"added": added, "updated": updated, "rejected": rejected},
        f"Added {_addresses(added)}{changed}",
    )
    for entry in rejected:
        found.writer.complain(f"  {safe_text(entry['reason'], 500)}")
    return ExitCode.PARTLY if rejected else ExitCode.DONE


def _all(found: Here, limit: int) -> list[dict[str, Any]]:
    """The first `limit` of the list, 0: all of it."""
    wanted: dict[str, Any] = {"tenant_id": found.require_tenant_id(), "limit": PAGE}
    records: list[dict[str, Any]] = []
    with found.control() as control:
        while True:
            told = control.call("listSuppressions", **wanted)
            records += told["suppressions"]
            wanted["cursor"] = told.get("next_cursor")
            if not wanted["cursor"] or (limit and len(records) >= limit):
                return records[:limit] if limit else records


def _lines(found: Here, file: str) -> list[str]:
    if file == "-":
        return found.stdin.read().splitlines()
    try:
        return Path(file).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise CommandFailed(f"cannot read {safe_text(file, 200)}: {why}") from error


def _entries(lines: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Rows of CSV; without a header line the first column is the address."""
    names: list[str] | None = None
    for row in csv.reader(lines):
        cells = [from_cell(cell.strip()) for cell in row]
        if not any(cells):
            continue
        if names is None:
            names = ["address", "reason"]
            if "address" in (heads := [cell.lower() for cell in cells]):
                names = heads
                continue
        named = dict(zip(names, cells, strict=False))
        entry = {key: named[key] for key in ("address", "reason") if named.get(key)}
        yield entry


def _addresses(n: int) -> str:
    return "1 address" if n == 1 else f"{n} addresses"
