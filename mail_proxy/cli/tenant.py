"""`NAME TENANT info`, `key`, and what `NAME TENANT` alone says."""

from __future__ import annotations

import typer

from mail_proxy.cli import suspended
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.instance import print_paused, print_stats, print_suspended
from mail_proxy.cli.keys import print_keys
from mail_proxy.cli.queue_numbers import queue_line, queue_numbers
from mail_proxy.cli.tenants import print_tenant
from mail_proxy.cli.tree import TENANT
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.tables.columns import Column

app = Family()


@app.command()
def info(ctx: typer.Context) -> None:
    """What is known of the tenant, and its queue in numbers.

    Examples:
      mail-proxy myserver acme info
    """
    found = here(ctx)
    tenant_id = found.require_tenant_id()
    tenant = print_tenant(found, tenant_id)
    if found.writer.is_for_people and not found.options.fields:
        found.writer.line()
        print_stats(found, found.call("getStats", tenant_id=tenant_id), tenant)


@app.command()
def key(
    ctx: typer.Context,
    regenerate: bool = typer.Option(
        False, "--regenerate", "-r", help="Make the first one anew; it ends at once."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would change."),
) -> None:
    """The tenant's keys, or a new one.

    Only a hash of a key is stored, so an old one cannot be shown. `tenants keys` adds further ones,
    and revokes them.

    Examples:
      mail-proxy myserver acme key
      mail-proxy myserver acme key --regenerate
    """
    found = here(ctx)
    tenant_id = found.require_tenant_id()
    if dry_run:
        verb = "replace" if regenerate else "list"
        found.writer.would(f"{verb} the keys of '{tenant_id}'")
        return
    if not regenerate:
        print_keys(found)
        return
    found.prompts.confirm_command("createTenantKey", tenant_id=tenant_id)
    told = found.call("createTenantKey", tenant_id=tenant_id)
    found.writer.done({"id": tenant_id, "api_key": told["api_key"]}, str(told["api_key"]))
    found.writer.hint("The key is shown this once; the application sends it as X-API-Token.")


def print_short_status(found: Here) -> None:
    """What `mail-proxy NAME TENANT` says."""
    tenant_id = found.require_tenant_id()
    with found.control() as control:
        record = control.call("getTenant", tenant_id=tenant_id)
        stats = control.call("getStats", tenant_id=tenant_id)
    if found.writer.format not in ("table", "plain"):
        short = {
            "id": tenant_id,
            "active": record.get("active"),
            "suspended_batches": suspended.batches(record),
            "instance_suspended": suspended.is_suspended(stats),
            **queue_numbers(stats),
        }
        found.writer.record(short, [Column(name) for name in short])
        return
    name = f" ({safe_text(record['name'], 80)})" if record.get("name") else ""
    found.writer.line(f"'{tenant_id}'{name} is {suspended.state_of_tenant(record)}")
    print_suspended(found, stats, record)
    print_paused(found, stats)
    found.writer.line(f"{queue_line(stats)}\n")
    for entry in TENANT:
        found.writer.line(f"  {entry.name:<13} {entry.help}")
