"""`NAME TENANT send FILE.eml`: a mail file into the queue, as it is."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import typer

from mail_proxy.cli.absent import missing_account
from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.output import pairs
from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.message import PRIORITIES
from mail_proxy.domain.safe_text import safe_text

app = Family()

NO_ACCOUNT_NAMED = "missing account_id"  # the reason on the wire
_PRIORITIES = frozenset({*PRIORITIES, *map(str, PRIORITIES.values())})
_MAX_BYTES = 45 * 2**20  # as base64 it must fit into a request of 64 MiB


@app.command()
def send(
    ctx: typer.Context,
    file: str = typer.Argument(..., metavar="FILE.eml", help="The mail; - is stdin."),
    account: str | None = typer.Option(
        None, "--account", "-a", help="SMTP account; default: the tenant's."
    ),
    priority: str | None = typer.Option(
        None, "--priority", "-p", help="immediate, high, medium or low, or 0 to 3; default medium."
    ),
    id_: str | None = typer.Option(None, "--id", help="Its id in the queue; default: a new one."),
) -> int:
    """Send a mail file.

    It goes to the addresses in its To, Cc and Bcc; the Bcc header itself is not sent.

    Examples:
      mail-proxy myserver acme send hello.eml
      mail-proxy myserver acme send hello.eml --account smtp-main --priority high
    """
    found = here(ctx)
    tenant_id = found.require_tenant_id()
    message = message_from(_read(file), id_ or _new_id())
    message |= pairs(tenant_id=tenant_id, account_id=account, priority=_priority(priority))
    try:
        told = found.call("addMessages", tenant_id=tenant_id, messages=[message])
    except Invalid as error:
        raise _refused(found, _reason(error), file, account) from error
    rejected = told.get("rejected") or []
    if rejected:
        # Together with a good answer there is one reason: the id is taken.
        raise CommandFailed(
            f"the mail was not taken: {rejected[0].get('reason')}",
            tries=(f"{found.path} messages show {message['id']}",),
            code=ExitCode.CONFLICT,
        )
    _tell_queued(found, message["id"])
    return ExitCode.DONE


def _tell_queued(found: Here, message_id: str) -> None:
    text = message_id if found.options.quiet else f"Queued as '{message_id}'"
    found.writer.done({"id": message_id, "queued": True}, text)
    if not found.doors.status(found.instance).is_running:
        name = found.instance_name
        found.writer.hint(f"'{name}' is not running: mail-proxy start {name}")
    found.writer.hint(f"  {found.path} messages show {message_id}")


def _reason(error: Invalid) -> str:
    """The one for the one message, out of the answer for the whole batch."""
    detail = error.detail if isinstance(error.detail, dict) else {}
    rejected = detail.get("rejected") or []
    return str(rejected[0].get("reason") if rejected else error)


def _refused(found: Here, reason: str, file: str, account: str | None) -> CommandFailed:
    """The reason, and what would mend it; most often it is the account."""
    with found.control() as control:
        control.call("getTenant", tenant_id=found.tenant_id)  # its absence is another error
        if account:
            missing = missing_account(found, control, account)
            return missing or CommandFailed(f"the mail was not taken: {reason}")
        told = control.call("listAccounts", tenant_id=found.tenant_id)["accounts"]
    ids = sorted(str(entry["id"]) for entry in told)
    if reason != NO_ACCOUNT_NAMED:
        return CommandFailed(f"the mail was not taken: {reason}")
    if not ids:
        return CommandFailed(
            f"the mail was not taken: {reason}. '{found.tenant_id}' has no SMTP account yet",
            tries=(f"{found.path} accounts add",),
        )
    return CommandFailed(
        f"the mail was not taken: {reason}. None of {', '.join(ids)} is the default: name one",
        tries=(f"{found.path} send {file} --account {ids[0]}",),
        code=ExitCode.USAGE,
    )


def _read(file: str) -> bytes:
    try:
        if file == "-":
            data = sys.stdin.buffer.read(_MAX_BYTES + 1)
        else:
            with Path(file).expanduser().open("rb") as opened:
                data = opened.read(_MAX_BYTES + 1)
    except OSError as error:
        raise CommandFailed(
            f"cannot read {safe_text(file, 200)}: {error.strerror}", code=ExitCode.USAGE
        ) from error
    if len(data) > _MAX_BYTES:
        raise CommandFailed(f"{safe_text(file, 200)} is larger than {_MAX_BYTES >> 20} MiB")
    return data


def message_from(raw: bytes, message_id: str) -> dict[str, Any]:
    """The fields of a message whose text is this file. Raises CommandFailed.

    Addresses and subject are read out of its headers, where the queue shows and needs them.
    """
    from email import message_from_bytes
    from email.policy import default
    from email.utils import getaddresses

    # Only the headers: a body of 40 MiB need not become objects.
    head = raw.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0] + b"\n\n"
    headers = message_from_bytes(head, policy=default)

    def all_of(name: str) -> list[str]:
        values = [str(value) for value in headers.get_all(name, [])]
        return [address for _, address in getaddresses(values) if address]

    sender = str(headers.get("From", "")).strip()
    recipients = {name: all_of(name) for name in ("to", "cc", "bcc")}
    if not sender or not any(recipients.values()):
        what = "From" if not sender else "To, Cc or Bcc"
        raise CommandFailed(f"the file has no {what} header; is it a mail?", code=ExitCode.USAGE)
    return {
        "id": message_id,
        "from": sender,
        **{name: addresses for name, addresses in recipients.items() if addresses},
        "subject": str(headers.get("Subject", "")).strip() or "(no subject)",
        "raw": base64.b64encode(raw).decode("ascii"),
    }


def _new_id() -> str:
    import secrets

    return f"cli-{secrets.token_hex(8)}"


def _priority(given: str | None) -> int | str | None:
    if given is None or given.lower() in _PRIORITIES:
        return int(given) if given and given.isdecimal() else given
    raise CommandFailed(
        f"--priority '{safe_text(given, 40)}' is not one of immediate, high, medium, low, "
        "nor a number from 0 to 3",
        code=ExitCode.USAGE,
    )
