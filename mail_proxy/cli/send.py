"""`NAME TENANT send FILE.eml`: a mail file into the queue, as it is."""

from __future__ import annotations

import base64
import math
import re
import sys
from pathlib import Path
from typing import Any, BinaryIO

import typer

from mail_proxy.cli.absent import missing_account
from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.output import pairs
from mail_proxy.cli.spinner import spinner
from mail_proxy.domain import units
from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.message import PRIORITIES
from mail_proxy.domain.safe_text import safe_text

app = Family()

NO_ACCOUNT_NAMED = "missing account_id"  # the reason on the wire
_PRIORITIES = frozenset({*PRIORITIES, *map(str, PRIORITIES.values())})
_LARGE_BYTES = 2**20  # from here on the limit of the instance is asked for
_BESIDE_BYTES = 64 * 1024  # of a request: all but the mail
_LIMIT = "http.max_request_bytes"


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

    It goes to the addresses in its To, Cc and Bcc; the Bcc header itself is not sent. What is
    attached in it goes along.

    Examples:
      mail-proxy myserver acme send hello.eml
      mail-proxy myserver acme send hello.eml --account smtp-main --priority high
    """
    found = here(ctx)
    tenant_id = found.require_tenant_id()
    mail = _read(found, file)
    message = message_from(mail, id_ or _new_id())
    message |= pairs(tenant_id=tenant_id, account_id=account, priority=_priority(priority))
    try:
        with spinner(found.writer, f"sending {safe_text(file, 60)} ({units.size(len(mail))})"):
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


def _read(found: Here, file: str) -> bytes:
    try:
        if file == "-":
            return _whole(found, sys.stdin.buffer, "what came on stdin")
        with Path(file).expanduser().open("rb") as opened:
            return _whole(found, opened, safe_text(file, 200))
    except OSError as error:
        raise CommandFailed(
            f"cannot read {safe_text(file, 200)}: {error.strerror}", code=ExitCode.USAGE
        ) from error


def _whole(found: Here, opened: BinaryIO, name: str) -> bytes:
    """Raises CommandFailed for what is larger than the instance takes; OSError."""
    data = opened.read(_LARGE_BYTES + 1)
    if len(data) <= _LARGE_BYTES:
        return data
    request_bytes = _most_of_a_request(found)
    most = max(0, request_bytes - _BESIDE_BYTES) * 3 // 4  # it travels as base64
    data += opened.read(max(0, most + 1 - len(data)))
    if len(data) <= most:
        return data
    larger = min(1024, math.ceil(request_bytes / 2**20) * 2)
    raise CommandFailed(
        f"{name} is too large: as base64 it must fit into a request, and GMP_MAX_REQUEST_MB "
        f"is {request_bytes / 2**20:g}, so a mail may have {units.size(most)}",
        tries=(f"mail-proxy {found.instance_name} config set max_request_mb={larger}",),
    )


def _most_of_a_request(found: Here) -> int:
    settings = found.call("getInstance").get("settings") or ()
    values = {setting["name"]: setting["value"] for setting in settings}
    return int(values[_LIMIT])


def message_from(raw: bytes, message_id: str) -> dict[str, Any]:
    """The fields of a message whose text is this file. Raises CommandFailed.

    Addresses and subject are read out of its headers, where the queue shows and needs them.
    """
    from email import message_from_bytes
    from email.policy import default
    from email.utils import getaddresses

    # Only the headers: a body of 40 MiB need not become objects.
    end = re.search(rb"\r?\n\r?\n", raw)
    headers = message_from_bytes(raw[: end.end()] if end else raw, policy=default)

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
