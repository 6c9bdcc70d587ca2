"""`NAME TENANT messages delete`, `retry`, `settle` and `cleanup`."""

from __future__ import annotations

from typing import Any

import typer

from mail_proxy.cli import units
from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.failure import Failure
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.output import pairs
from mail_proxy.control.base import SyncControl
from mail_proxy.domain.errors import NotFound
from mail_proxy.domain.safe_text import safe_text

_IDS = typer.Argument(..., metavar="ID...", help="Ids of messages.")


def delete(
    ctx: typer.Context,
    ids: list[str] = _IDS,
    force: bool = typer.Option(False, "--force", "-f", help="Do not ask."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would go."),
) -> int:
    """Delete messages; those that wait are never sent.

    The application is not told. One that is just being sent cannot be deleted.

    Examples:
      mail-proxy myserver acme messages delete 2026-1182 2026-1183
    """
    found = here(ctx)
    tenant_id = found.require_tenant_id()
    if dry_run:
        return _would_delete(found, list(dict.fromkeys(ids)))
    found.prompts.confirm(f"Delete {_what(ids)}?", given=force)
    told = found.call("deleteMessages", tenant_id=tenant_id, ids=ids)
    return _tell_done(found, "Deleted", int(told["removed"]), told.get("not_found") or [])


def _would_delete(found: Here, ids: list[str]) -> int:
    """Only what is there: nothing else would go."""
    with found.control() as control:
        absent = [i for i in ids if not _is_there(control, found.tenant_id, i)]
    there = [i for i in ids if i not in absent]
    if not there:
        if len(absent) == 1:
            raise no_message(found, absent[0])
        raise CommandFailed(
            f"none of these {len(absent)} messages is there",
            tries=(f"{found.path} messages list",),
            code=ExitCode.NOT_FOUND,
        )
    found.writer.would(f"delete {_what(there)}", ids=there, not_found=absent)
    for message_id in absent:
        found.writer.complain(f"  not found: {safe_text(message_id, 255)}")
    return ExitCode.PARTLY if absent else ExitCode.DONE


def _is_there(control: SyncControl, tenant_id: str, message_id: str) -> bool:
    try:
        control.call("getMessageEvents", tenant_id=tenant_id, id=message_id)
    except NotFound:
        return False
    return True


def retry(ctx: typer.Context, ids: list[str] = _IDS) -> int:
    """Try messages again now; their tries start anew.

    Examples:
      mail-proxy myserver acme messages retry 2026-1182
    """
    found = here(ctx)
    told = found.call("retryMessages", tenant_id=found.require_tenant_id(), ids=ids)
    return _tell_done(found, "Retried", len(told["retried"]), told.get("not_found") or [])


def settle(
    ctx: typer.Context,
    ids: list[str] = _IDS,
    sent: bool = typer.Option(False, "--sent", help="They have arrived."),
    failed: bool = typer.Option(False, "--failed", help="They have not, and shall not be sent."),
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
    word = {"as": "sent" if sent else "error"}
    told = found.call("settleMessages", tenant_id=found.require_tenant_id(), ids=ids, **word)
    return _tell_done(found, "Settled", len(told["settled"]), told.get("not_found") or [])


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
    age = f" older than {older_than} s" if older_than is not None else " past their retention"
    if dry_run:
        found.writer.would(f"delete finished messages of '{tenant_id}'{age}")
        return
    found.prompts.confirm(f"Delete finished messages of '{tenant_id}'{age}?", given=force)
    told = found.call(
        "cleanupMessages", **pairs(tenant_id=tenant_id, older_than_seconds=older_than)
    )
    n = int(told["removed"])
    found.writer.done({"tenant_id": tenant_id, "removed": n}, f"Deleted {units.messages(n)}")


def _what(ids: list[str]) -> str:
    return f"message '{safe_text(ids[0], 80)}'" if len(ids) == 1 else f"{len(ids)} messages"


def _tell_done(found: Here, verb: str, n_done: int, not_done: list[str]) -> int:
    code = ExitCode.DONE
    record: dict[str, Any] = {"done": n_done, "not_found": not_done}
    text = f"{verb} {n_done} of {n_done + len(not_done)}"
    if not_done:
        code = ExitCode.PARTLY if n_done else ExitCode.NOT_FOUND
        failure = Failure(f"{text}: the rest is not found, or its state does not allow it", code)
        record |= {"ok": False, **failure.record()}
    found.writer.done(record, text)
    for message_id in not_done:
        found.writer.complain(
            f"  not found, or its state does not allow it: {safe_text(message_id, 255)}"
        )
    return code


def no_message(found: Here, message_id: str) -> CommandFailed:
    return CommandFailed(
        f"message '{safe_text(message_id, 255)}' not found",
        tries=(f"{found.path} messages list",),
        code=ExitCode.NOT_FOUND,
    )
