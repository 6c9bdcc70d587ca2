"""`NAME TENANT messages hold`, `free`, `retry`, `resend`, `settle`, `delete` and `cleanup`."""

from __future__ import annotations

import typer

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.many import Verb, change
from mail_proxy.cli.output import pairs
from mail_proxy.domain import units
from mail_proxy.domain.safe_text import safe_text

_IDS = typer.Argument(None, metavar="[ID...]", help="Ids of messages.")
_FILTER = typer.Option(
    None, "--filter", "-F", metavar="FILTER", help="Instead of ids; as in 'state:failed age:>1h'."
)
_DRY_RUN = typer.Option(False, "--dry-run", help="Only say what would be done.")


def hold(
    ctx: typer.Context,
    ids: list[str] | None = _IDS,
    filter_: str | None = _FILTER,
    dry_run: bool = _DRY_RUN,
) -> int:
    """Keep messages from being sent until they are freed.

    Examples:
      mail-proxy myserver acme messages hold 2026-1182
      mail-proxy myserver acme messages hold --filter 'batch:may to:*@example.com'
    """
    return change(here(ctx), Verb("holdMessages", "Hold", "Held"), ids, filter_, dry_run=dry_run)


def free(
    ctx: typer.Context,
    ids: list[str] | None = _IDS,
    filter_: str | None = _FILTER,
    dry_run: bool = _DRY_RUN,
) -> int:
    """Let held messages go.

    Examples:
      mail-proxy myserver acme messages free 2026-1182
      mail-proxy myserver acme messages free --filter state:held
    """
    return change(here(ctx), Verb("freeMessages", "Free", "Freed"), ids, filter_, dry_run=dry_run)


def retry(
    ctx: typer.Context,
    ids: list[str] | None = _IDS,
    filter_: str | None = _FILTER,
    dry_run: bool = _DRY_RUN,
) -> int:
    """Try messages again now; their tries start anew.

    Examples:
      mail-proxy myserver acme messages retry 2026-1182
      mail-proxy myserver acme messages retry --filter 'state:failed error:4xx'
    """
    verb = Verb("retryMessages", "Retry", "Retried")
    return change(here(ctx), verb, ids, filter_, dry_run=dry_run)


def resend(
    ctx: typer.Context,
    ids: list[str] | None = _IDS,
    filter_: str | None = _FILTER,
    refused: bool = typer.Option(False, "--refused", help="Only to those who were refused."),
    new_id: str | None = typer.Option(
        None, "--id", metavar="ID", help="Of the new message; default: ID-r1, ID-r2, ..."
    ),
    dry_run: bool = _DRY_RUN,
) -> int:
    """Send finished messages once more, as new ones.

    Examples:
      mail-proxy myserver acme messages resend 2026-1182 --refused
      mail-proxy myserver acme messages resend --filter 'state:bounced age:<1d'
    """
    fields = pairs(recipients="refused" if refused else "all", new_id=new_id)
    verb = Verb("resendMessages", "Resend", "Resent", fields=fields)
    return change(here(ctx), verb, ids, filter_, dry_run=dry_run)


def settle(
    ctx: typer.Context,
    ids: list[str] | None = _IDS,
    filter_: str | None = _FILTER,
    sent: bool = typer.Option(False, "--sent", help="They have arrived."),
    failed: bool = typer.Option(False, "--failed", help="They have not, and shall not be sent."),
    dry_run: bool = _DRY_RUN,
) -> int:
    """Say what became of messages in doubt; the application is told so.

    In doubt is a message whose server took it and gave no answer, on an account that holds such
    messages. To send it once more, use retry.

    Examples:
      mail-proxy myserver acme messages list --status in_doubt
      mail-proxy myserver acme messages settle 2026-1182 --sent
    """
    found = here(ctx)
    if sent == failed:
        raise CommandFailed(
            "settle: say either --sent or --failed",
            tries=(f"{found.path} messages settle --help",),
            code=ExitCode.USAGE,
        )
    fields = {"as": "sent" if sent else "error"}
    verb = Verb("settleMessages", "Settle", "Settled", fields=fields)
    return change(found, verb, ids, filter_, dry_run=dry_run)


def delete(
    ctx: typer.Context,
    ids: list[str] | None = _IDS,
    filter_: str | None = _FILTER,
    force: bool = typer.Option(False, "--force", "-f", help="Do not ask."),
    dry_run: bool = _DRY_RUN,
) -> int:
    """Delete messages; those that wait are never sent.

    The application is not told. One that is just being sent cannot be deleted.

    Examples:
      mail-proxy myserver acme messages delete 2026-1182 2026-1183
      mail-proxy myserver acme messages delete --filter 'batch:may -state:sent'
    """
    verb = Verb("deleteMessages", "Delete", "Deleted", asks=True)
    return change(here(ctx), verb, ids, filter_, dry_run=dry_run, force=force)


def cleanup(
    ctx: typer.Context,
    older_than: int | None = typer.Option(
        None, "--older-than", min=0, metavar="SECONDS", help="Default: the configured retention."
    ),
    force: bool = typer.Option(False, "--force", "-f", help="Do not ask."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would go."),
) -> None:
    """Delete finished messages that were reported.

    Examples:
      mail-proxy myserver acme messages cleanup --older-than 86400
    """
    found = here(ctx)
    tenant_id = found.require_tenant_id()
    if dry_run:
        age = f" older than {older_than} s" if older_than is not None else " past their retention"
        found.writer.would(f"delete finished messages of '{tenant_id}'{age}")
        return
    which = pairs(tenant_id=tenant_id, older_than_seconds=older_than)
    found.prompts.confirm_command("cleanupMessages", given=force, **which)
    told = found.call("cleanupMessages", **which)
    n = int(told["removed"])
    found.writer.done({"tenant_id": tenant_id, "removed": n}, f"Deleted {units.messages(n)}")


def no_message(found: Here, message_id: str) -> CommandFailed:
    return CommandFailed(
        f"message '{safe_text(message_id, 255)}' not found",
        tries=(f"{found.path} messages list",),
        code=ExitCode.NOT_FOUND,
    )
