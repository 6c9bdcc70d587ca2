"""`NAME tenants webhook-secret ID`: the secret that signs a tenant's reports."""

from __future__ import annotations

from typing import Any

import typer

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.output import pairs
from mail_proxy.domain import units
from mail_proxy.domain.command_line import by_id, command_line
from mail_proxy.forms.checks import span
from mail_proxy.forms.fields import BadAnswer
from mail_proxy.tables.columns import Column, show_age, show_until

_COLUMNS = (
    Column("secret", is_id=True),
    Column("created_at", "age", show_age, right=True),
    Column("expires_ts", "expires", show_until, right=True),
)


def webhook_secret(
    ctx: typer.Context,
    tenant_id: str = typer.Argument(..., metavar="ID", help="The tenant."),
    rotate: bool = typer.Option(False, "--rotate", help="Make a new one beside the old one."),
    overlap: str = typer.Option(
        "24h", "--overlap", metavar="TIME", help="How long the old one signs too; 0: ends now."
    ),
    delete: bool = typer.Option(False, "--delete", help="Sign no more."),
    force: bool = typer.Option(False, "--force", "-f", help="Do not ask."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would change."),
) -> None:
    """The secret that signs a tenant's reports: made where there is none, else listed.

    A secret is shown once. The application verifies with it that a report comes from here.

    Examples:
      mail-proxy myserver tenants webhook-secret acme
      mail-proxy myserver tenants webhook-secret acme --rotate --overlap 2d
    """
    found = here(ctx)
    found.tenant_id = tenant_id
    overlap_s = _seconds(overlap)
    if rotate and delete:
        raise CommandFailed("--rotate and --delete exclude each other", code=ExitCode.USAGE)
    known = found.call("getTenant", tenant_id=tenant_id).get("webhook_secrets") or []
    if known and not (rotate or delete):
        found.writer.records(_COLUMNS, known, empty="")
        found.writer.hint(
            "A new one: "
            + command_line(
                found.instance_name, "tenants", "webhook-secret", *by_id(tenant_id, "--rotate")
            )
        )
        return
    if dry_run:
        found.writer.would(f"{'delete' if delete else 'make'} the webhook secret of '{tenant_id}'")
        return
    if delete:
        found.prompts.confirm_command("deleteWebhookSecret", given=force, tenant_id=tenant_id)
        found.call("deleteWebhookSecret", tenant_id=tenant_id)
        text = f"Reports to '{tenant_id}' are not signed any more"
        found.writer.done({"id": tenant_id, "deleted": True}, text)
        return
    _make(found, tenant_id, overlap_s)


def _make(found: Here, tenant_id: str, overlap_s: int) -> None:
    told = found.call("createWebhookSecret", tenant_id=tenant_id, overlap_s=overlap_s)
    ends: Any = told.get("old_secret_expires_ts")
    record = {"id": tenant_id, "secret": told["secret"], **pairs(old_secret_expires_ts=ends)}
    found.writer.done(record, str(told["secret"]))
    found.writer.hint("The secret is shown this once; give it to what receives the reports.")
    if ends is not None:
        found.writer.hint(f"The one before signs too for {units.duration(overlap_s)}")


def _seconds(text: str) -> int:
    try:
        return span(text) or 0
    except BadAnswer as error:
        raise CommandFailed(f"--overlap: {error}", code=ExitCode.USAGE) from None
