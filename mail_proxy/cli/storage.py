"""`NAME TENANT storage test`: whether the place for a tenant's large files works."""

from __future__ import annotations

import typer

from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.failure import tell
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import here
from mail_proxy.domain.command_line import by_id, command_line
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.tables.columns import Column

app = Family()

_DONE = {
    "write": "a small file was written",
    "link": "a link to it was made",
    "read": "the link leads to it",
    "delete": "it was deleted",
}


@app.callback()
def storage() -> None:
    """Where a tenant's large files are kept."""


@app.command()
def test(ctx: typer.Context) -> None:
    """Write a small file to the tenant's storage, follow its link, and delete it.

    The exit code is 1 when a step fails.

    Examples:
      mail-proxy myserver acme storage test
      mail-proxy myserver acme storage test --json
    """
    found = here(ctx)
    tenant_id = found.require_tenant_id()
    told = found.call("checkStorage", tenant_id=tenant_id)
    steps = told["steps"]
    if not found.writer.is_for_people:
        record = {"works": told["works"], "steps": steps}
        found.writer.record(record, [Column(name) for name in record])
    else:
        for step in steps:
            took = f"{step['seconds'] * 1000:.0f} ms"
            result = "ok" if step["ok"] else "FAILED"
            detail = _DONE.get(step["name"], "") if step["ok"] else ""
            found.writer.line(f"  {step['name']:<8} {result:<8} {took:>8}  {detail}".rstrip())
    if told["works"]:
        return
    failed = next(step for step in steps if not step["ok"])
    why = f"{failed['name']}: {safe_text(failed.get('error'), 500)}"
    tell(found, why, (command_line(found.instance_name, "tenants", "show", *by_id(tenant_id)),))
    raise typer.Exit(ExitCode.FAILED)
