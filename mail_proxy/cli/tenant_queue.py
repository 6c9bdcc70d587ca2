"""`NAME TENANT suspend`, `activate` and `run-now`."""

from __future__ import annotations

from typing import Any

import typer

from mail_proxy.cli import suspended
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.output import pairs
from mail_proxy.cli.queue import hint_if_down, run_now_for
from mail_proxy.domain import units
from mail_proxy.domain.command_line import option
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
        found.writer.would(f"suspend {what}")
        return
    found.prompts.confirm(f"Suspend {what}?")
    told = found.call("suspend", **pairs(tenant_id=found.tenant_id, batch_code=batch))
    record = _record(found, batch, told)
    found.writer.done(record, f"Suspended {what}; {units.waiting(record['pending_messages'])}")
    _tell_suspended(found, told)
    again = found.line("activate", *(option("--batch", batch) if batch else ()))
    found.writer.hint(f"  {again}")


@app.command()
def activate(ctx: typer.Context, batch: str | None = _BATCH) -> None:
    """Let it go again.

    Examples:
      mail-proxy myserver acme activate
      mail-proxy myserver acme activate --batch newsletter-12
    """
    found = here(ctx)
    what = _what(found.require_tenant_id(), batch)
    with found.control() as control:
        codes = suspended.batches(control.call("getTenant", tenant_id=found.tenant_id))
        told = control.call("activate", **pairs(tenant_id=found.tenant_id, batch_code=batch))
        status = control.call("getStatus")
    was_suspended = (batch in codes) if batch else bool(codes)
    record = _record(found, batch, told) | {"was_suspended": was_suspended}
    n = units.waiting(record["pending_messages"])
    found.writer.done(
        record, f"Activated {what}; {n}" if was_suspended else f"{_was_not(what)}; {n}"
    )
    _tell_suspended(found, told)
    for sentence in suspended.of_instance(found.instance_name, status):
        found.writer.hint(sentence)
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


def _was_not(what: str) -> str:
    return f"{what[:1].upper()}{what[1:]} was not suspended"


def _record(found: Here, batch: str | None, told: dict[str, Any]) -> dict[str, Any]:
    return {
        "tenant_id": found.tenant_id,
        **pairs(batch_code=batch),
        "suspended_batches": told.get("suspended_batches") or [],
        "pending_messages": int(told.get("pending_messages", 0)),
    }


def _tell_suspended(found: Here, told: dict[str, Any]) -> None:
    codes = told.get("suspended_batches") or []
    if "*" in codes:
        return  # the sentence before has told it
    if codes:
        found.writer.hint(f"suspended now: {', '.join(safe_text(code) for code in codes)}")
