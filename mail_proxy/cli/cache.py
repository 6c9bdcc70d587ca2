"""`NAME cache stats` and `clear`: the attachments that were fetched already."""

from __future__ import annotations

from typing import Any

import typer

from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import here
from mail_proxy.cli.output import pairs
from mail_proxy.domain import units
from mail_proxy.tables.columns import Column, show_count

app = Family()


def _size(value: Any, _now: float) -> str:
    return units.size(value)


def _limit(value: Any, _now: float) -> str:
    return units.size(value) if value else "off"


def _kept(value: Any, _now: float) -> str:
    return units.duration(value)


_TIERS = (
    Column("tier", is_id=True),
    Column("entries", show=show_count, right=True),
    Column("bytes", "size", _size, right=True),
    Column("max_bytes", "limit", _limit, right=True, drop=1),
    Column("ttl_s", "kept", _kept, right=True, drop=2),
    Column("hits", show=show_count, right=True),
    Column("misses", show=show_count, right=True),
)


@app.command()
def stats(ctx: typer.Context) -> None:
    """What lies in the cache of attachments, and how often it was of use.

    Examples:
      mail-proxy myserver cache stats
      mail-proxy myserver cache stats --json
    """
    found = here(ctx)
    with found.control() as control:
        told = control.call("getCache")
        is_live = control.is_live
    record = {key: value for key, value in told.items() if key != "ok"}
    if not found.writer.is_for_people or found.options.fields:
        found.writer.record(record, [Column(key) for key in record])
    else:
        tiers = [{"tier": tier, **record[tier]} for tier in ("memory", "disk")]
        found.writer.records(_TIERS, tiers)
        used, most = units.size(record["fetched_bytes"]), units.size(record["fetched_max_bytes"])
        found.writer.line(f"\nfetched for mails of now: {used} of {most}")
        found.writer.line(f"folder: {record['folder']}")
    if not is_live:
        found.writer.hint(
            f"'{found.instance_name}' is not running: only what lies on the disk is seen"
        )


@app.command()
def clear(
    ctx: typer.Context,
    tenant: str | None = typer.Option(None, "--tenant", metavar="ID", help="Only what is its."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would be done."),
) -> None:
    """Forget the attachments that were fetched; what is needed again is fetched again.

    Examples:
      mail-proxy myserver cache clear
      mail-proxy myserver cache clear --tenant acme
    """
    found = here(ctx)
    what = f"the cache of '{tenant}'" if tenant else f"the cache of '{found.instance.name}'"
    if dry_run:
        found.writer.would(f"clear {what}")
        return
    found.tenant_id = tenant or ""  # so that an absent one is told as everywhere
    n = int(found.call("clearCache", **pairs(tenant_id=tenant))["removed"])
    record = {**pairs(tenant_id=tenant), "removed": n}
    entries = f"{units.count(n)} entr{'y' if n == 1 else 'ies'}"
    found.writer.done(record, f"Cleared {what}: {entries}")
