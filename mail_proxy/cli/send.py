"""`NAME TENANT send`: a mail file into the queue as it is, or a short mail of ours to try it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from mail_proxy.cli.absent import missing_account
from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.mail_file import message_from, read_mail
from mail_proxy.cli.outcome import tell_outcome
from mail_proxy.cli.output import pairs
from mail_proxy.cli.spinner import spinner
from mail_proxy.cli.trial import Wanted, trial_message
from mail_proxy.domain import units
from mail_proxy.domain.command_line import by_id, option
from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.message import PRIORITIES, check_batch_code
from mail_proxy.domain.safe_text import safe_text

app = Family()

NO_ACCOUNT_NAMED = "missing account_id"  # the reason on the wire
_TO = typer.Option(
    None, "--to", metavar="ADDRESS", help="Instead of a file: a short test mail to it."
)
_PRIORITIES = frozenset({*PRIORITIES, *map(str, PRIORITIES.values())})


@app.command()
def send(
    ctx: typer.Context,
    file: str | None = typer.Argument(None, metavar="[FILE.eml]", help="The mail; - is stdin."),
    to: list[str] | None = _TO,
    sender: str | None = typer.Option(
        None,
        "--from",
        metavar="ADDRESS",
        help="Sender of the test mail; default: the user of the account, else who gets it.",
    ),
    subject: str | None = typer.Option(None, "--subject", help="Subject of the test mail."),
    text: str | None = typer.Option(None, "--text", help="What stands in the test mail."),
    account: str | None = typer.Option(
        None, "--account", "-a", help="SMTP account; default: the tenant's."
    ),
    priority: str | None = typer.Option(
        None, "--priority", "-p", help="immediate, high, medium or low, or 0 to 3; default medium."
    ),
    batch: str | None = typer.Option(
        None, "--batch", metavar="CODE", help="Batch code, to find, hold or suspend it by."
    ),
    id_: str | None = typer.Option(None, "--id", help="Its id in the queue; default: a new one."),
    wait: bool | None = typer.Option(
        None,
        "--wait/--no-wait",
        help="Stay until it went or failed, 20 s at most; default: for a test mail.",
    ),
) -> int:
    """Send a mail file, or a short test mail.

    A file goes to the addresses in its To, Cc and Bcc; the Bcc header itself is not sent. What is
    attached in it goes along. With --wait the exit code is 0 when it went, 1 when it failed, and 8
    when it still waits.

    Examples:
      mail-proxy myserver acme send --to you@example.com
      mail-proxy myserver acme send --to you@example.com --subject Hello --text "It works."
      mail-proxy myserver acme send hello.eml
      mail-proxy myserver acme send hello.eml --account smtp-main --priority high --wait
      mail-proxy myserver acme send hello.eml --batch newsletter-12
    """
    found = here(ctx)
    tenant_id = found.require_tenant_id()
    wanted = Wanted(to or [], sender, subject, text)
    _check_source(found, file, wanted)
    new_id = id_ or _new_id()
    if file is not None:
        mail = read_mail(found, file)
        message, what = (
            message_from(mail, new_id),
            f"{safe_text(file, 60)} ({units.size(len(mail))})",
        )
    else:
        message, what = trial_message(found, new_id, wanted, account), "a test mail"
    message |= pairs(
        tenant_id=tenant_id,
        account_id=account,
        priority=_priority(priority),
        batch_code=_batch_code(batch),
    )
    source = (file,) if file is not None else ("--to", *wanted.to[:1])
    _queue(found, message, what, source, account)
    is_running = found.doors.status(found.instance).is_running
    if not is_running or not (file is None if wait is None else wait):
        _tell_queued(found, new_id, is_running=is_running)
        return ExitCode.DONE
    return tell_outcome(found, new_id)


def _check_source(found: Here, file: str | None, wanted: Wanted) -> None:
    """Raises CommandFailed unless it is a file or addresses, and only what goes with it."""
    if (file is None) == (not wanted.to):
        raise CommandFailed(
            "a mail file is needed, or --to for a test mail"
            if file is None
            else "a mail file names those who get it: --to is for a test mail without a file",
            tries=(f"{found.path} send --to you@example.com", f"{found.path} send hello.eml"),
            code=ExitCode.USAGE,
        )
    if file is not None and (option_ := wanted.option()):
        has = {"--from": "From", "--subject": "Subject", "--text": "text"}[option_]
        raise CommandFailed(
            f"{option_} is for a test mail: a mail file has its own {has}", code=ExitCode.USAGE
        )


def _queue(
    found: Here,
    message: dict[str, Any],
    what: str,
    source: Sequence[str],
    account: str | None,
) -> None:
    try:
        with spinner(found.writer, f"sending {what}"):
            told = found.call("addMessages", tenant_id=found.tenant_id, messages=[message])
    except Invalid as error:
        raise _refused(found, _reason(error), source, account) from error
    rejected = told.get("rejected") or []
    if rejected:
        # Together with a good answer there is one reason: the id is taken.
        raise CommandFailed(
            f"the mail was not taken: {rejected[0].get('reason')}",
            tries=(found.line("messages", "show", *by_id(message["id"])),),
            code=ExitCode.CONFLICT,
        )


def _tell_queued(found: Here, message_id: str, *, is_running: bool) -> None:
    text = message_id if found.options.quiet else f"Queued as '{message_id}'"
    found.writer.done({"id": message_id, "queued": True}, text)
    if not is_running:
        name = found.instance_name
        found.writer.hint(f"'{name}' is not running: mail-proxy start {name}")
    found.writer.hint(f"  {found.line('messages', 'show', *by_id(message_id))}")


def _reason(error: Invalid) -> str:
    """The one for the one message, out of the answer for the whole batch."""
    detail = error.detail if isinstance(error.detail, dict) else {}
    rejected = detail.get("rejected") or []
    return str(rejected[0].get("reason") if rejected else error)


def _refused(found: Here, reason: str, source: Sequence[str], account: str | None) -> CommandFailed:
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
        tries=(found.line("send", *_with_account(source, ids[0])),),
        code=ExitCode.USAGE,
    )


def _with_account(source: Sequence[str], account_id: str) -> tuple[str, ...]:
    """source: a file, or an option and its value."""
    named = option("--account", account_id)
    return by_id(source[0], *named) if len(source) == 1 else (*source, *named)


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


def _batch_code(given: str | None) -> str | None:
    try:
        return None if given is None else check_batch_code(given)
    except Invalid as error:
        raise CommandFailed(f"--batch: {error}", code=ExitCode.USAGE) from error
