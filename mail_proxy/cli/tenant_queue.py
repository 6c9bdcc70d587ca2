"""`NAME TENANT suspend`, `activate` and `run-now`."""

from __future__ import annotations

from typing import Any

import typer

from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.output import pairs
from mail_proxy.cli.queue import hint_if_down, run_now_for
from mail_proxy.domain.safe_text import safe_text

app = Family()

_BATCH = typer.Option(None, "--batch", metavar="CODE", help="Only the mail with this batch code.")


@app.command()
def suspend(
    ctx: typer.Context,
    batch: str | None = _BATCH,
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would change."),
) -> None:
    """Hold the tenant's mail, or one batch of it.

    Examples:
      mail-proxy myserver acme suspend
      mail-proxy myserver acme suspend --batch newsletter-12
    """
    found = here(ctx)
    what = _what(found.require_tenant_id(), batch)
    if dry_run:
        found.writer.line(f"would suspend {what}")
        return
    found.prompts.confirm(f"Suspend {what}?")
    told = found.call("suspend", **pairs(tenant_id=found.tenant_id, batch_code=batch))
    found.writer.line(f"Suspended {what}; {told.get('pending_messages', 0)} messages wait")
    _tell_suspended(found, told)


@app.command()
def activate(ctx: typer.Context, batch: str | None = _BATCH) -> None:
    """Let it go again.

    Examples:
      mail-proxy myserver acme activate
      mail-proxy myserver acme activate --batch newsletter-12
    """
    found = here(ctx)
    what = _what(found.require_tenant_id(), batch)
    told = found.call("activate", **pairs(tenant_id=found.tenant_id, batch_code=batch))
    found.writer.line(f"Activated {what}; {told.get('pending_messages', 0)} messages wait")
    _tell_suspended(found, told)
    hint_if_down(found)


@app.command("run-now")
def run_now(ctx: typer.Context) -> None:
    """Look at the tenant's queue now.

    Examples:
      mail-proxy myserver acme run-now
    """
    found = here(ctx)
    run_now_for(found, tenant_id=found.require_tenant_id())


def _what(tenant_id: str, batch: str | None) -> str:
    return f"batch '{safe_text(batch, 64)}' of '{tenant_id}'" if batch else f"'{tenant_id}'"


def _tell_suspended(found: Here, told: dict[str, Any]) -> None:
    codes = told.get("suspended_batches") or []
    if codes:
        shown = "everything" if "*" in codes else ", ".join(safe_text(code) for code in codes)
        found.writer.hint(f"suspended now: {shown}")
