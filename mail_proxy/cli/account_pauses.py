"""`NAME TENANT accounts pause` and `resume`."""

from __future__ import annotations

import typer

from mail_proxy.cli.account_request import remember
from mail_proxy.cli.here import here
from mail_proxy.cli.output import pairs
from mail_proxy.cli.queue import hint_if_down
from mail_proxy.domain.command_line import by_id
from mail_proxy.domain.safe_text import safe_text

_ID = typer.Argument(..., metavar="ID", help="The account.", callback=remember)


def pause(
    ctx: typer.Context,
    account_id: str = _ID,
    reason: str | None = typer.Option(None, "--reason", "-r", help="Why, for whoever finds it so."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would change."),
) -> None:
    """Send nothing through an SMTP account until it is resumed, over restarts too.

    Examples:
      mail-proxy myserver acme accounts pause main --reason "moving to another provider"
    """
    found = here(ctx)
    tenant_id = found.require_tenant_id()
    shown = safe_text(account_id, 80)
    what = f"account '{shown}' of '{tenant_id}'"
    if dry_run:
        found.call("getAccount", tenant_id=tenant_id, account_id=account_id)
        found.writer.would(f"pause {what}")
        return
    found.call("pauseAccount", tenant_id=tenant_id, account_id=account_id, **pairs(reason=reason))
    record = {"id": account_id, "tenant_id": tenant_id, "paused": True}
    found.writer.done(record, f"Paused {what}; its mail waits")
    found.writer.hint(f"  {found.line('accounts', 'resume', *by_id(account_id))}")


def resume(ctx: typer.Context, account_id: str = _ID) -> None:
    """Let an SMTP account send again; it ends the pause of a fault too.

    Examples:
      mail-proxy myserver acme accounts resume main
    """
    found = here(ctx)
    tenant_id = found.require_tenant_id()
    with found.control() as control:
        key = {"tenant_id": tenant_id, "account_id": account_id}
        was_paused = control.call("getAccount", **key)["account"].get("paused_by")
        control.call("resumeAccount", **key)
    record = {"id": account_id, "tenant_id": tenant_id, "paused": False, "was_paused": was_paused}
    verb = "sends again" if was_paused else "was not paused"
    found.writer.done(record, f"Account '{safe_text(account_id, 80)}' of '{tenant_id}' {verb}")
    hint_if_down(found)
