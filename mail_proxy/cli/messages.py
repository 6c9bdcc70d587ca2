"""`NAME TENANT messages ...`: what is in the queue, and what became of it."""

from __future__ import annotations

from typing import Any

import typer

from mail_proxy.cli import message_changes, message_page
from mail_proxy.cli.absent import missing_account
from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.output import pairs
from mail_proxy.control.base import SyncControl
from mail_proxy.domain.errors import Invalid, NotFound
from mail_proxy.domain.filters import STATUS_WORDS, status_term
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.tables.columns import Column
from mail_proxy.tables.lists import MESSAGES, message_row

app = Family()


CSV_COLUMNS = tuple(
    Column(key)
    for key in (
        "pk",
        "id",
        "tenant_id",
        "tenant_name",
        "account_id",
        "status",
        "priority",
        "batch_code",
        "from",
        "to",
        "subject",
        "created_at",
        "deferred_ts",
        "smtp_ts",
        "error_ts",
        "error",
    )
)


@app.command("list")
def list_(
    ctx: typer.Context,
    account: str | None = typer.Option(None, "--account", "-a", help="Only of this SMTP account."),
    status: str = typer.Option(
        "all", "--status", "-s", help=f"One of {', '.join(STATUS_WORDS)}, or some by commas."
    ),
    batch: str | None = typer.Option(None, "--batch", metavar="CODE", help="Only of this batch."),
    to: str | None = typer.Option(None, "--to", help="A part of a recipient's address."),
    subject: str | None = typer.Option(None, "--subject", help="A part of the subject."),
    filter_: str | None = typer.Option(
        None, "--filter", "-F", metavar="FILTER", help="As in 'to:*@example.com age:>1h'."
    ),
    limit: int = typer.Option(50, "--limit", "-l", min=0, help="How many; 0: all."),
    csv: bool = typer.Option(False, "--csv", help="The same as --output csv."),
) -> None:
    """Messages, by priority, then as they came.

    `--sort next`, `age` and `priority`, and `--reverse`, are of all messages; `--sort` by a column
    is of those that are listed.

    Examples:
      mail-proxy myserver acme messages list --status deferred,error
      mail-proxy myserver acme messages list --filter 'state:failed to:*@example.com age:>1h'
      mail-proxy myserver acme messages list --limit 0 --csv > messages.csv
    """
    found = here(ctx)
    if csv:
        found.options.output = "csv"
    wanted = pairs(
        tenant_id=found.require_tenant_id(),
        account_id=account,
        batch_code=batch,
        status=_status(status),
        to=to,
        subject=subject,
        filter=filter_,
    )
    order = _order(found)
    with found.control() as control:
        told, more = _pages(control, wanted | order, limit)
        if not told:
            _check_names(found, control, account)
    records = [message_row(message) for message in told]
    is_filtered = len(wanted) > 1
    empty = "No message matches." if is_filtered else _none_yet(found)
    found.writer.records(_columns(found, records), records, empty=empty, csv_columns=CSV_COLUMNS)
    if more:
        found.writer.hint(f"Only the first {limit}. All of them: --limit 0")


def _order(found: Here) -> dict[str, Any]:
    """What the store sorts by itself, before a page is cut off; taken out of the options."""
    options, wanted = found.options, dict[str, Any]()
    if options.sort in _ORDERS:
        wanted["order"], options.sort = options.sort, ""
    if options.reverse and not options.sort:
        wanted["reverse"], options.reverse = True, False
    return wanted


def _columns(found: Here, records: list[dict[str, Any]]) -> tuple[Column, ...]:
    """Without reasons on a terminal where there are none to read."""
    if found.writer.is_for_people and not any(record.get("why") for record in records):
        return MESSAGES[:-1]
    return MESSAGES


def _none_yet(found: Here) -> str:
    return f"No messages yet. Send one: {found.path} send --to you@example.com"


def _check_names(found: Here, control: SyncControl, account_id: str | None) -> None:
    """Of a tenant or an account that is not there, there are no messages either."""
    control.call("getTenant", tenant_id=found.tenant_id)
    missing = missing_account(found, control, account_id or "")
    if missing is not None:
        raise missing


def _status(text: str) -> str | None:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words or "all" in words:
        return None
    try:
        status_term(words)
    except Invalid as error:
        raise CommandFailed(f"--{safe_text(error)}", code=ExitCode.USAGE) from error
    return ",".join(words)


_PAGE = 1000
_ORDERS = ("next", "age", "priority")


def _pages(
    control: SyncControl, wanted: dict[str, Any], limit: int
) -> tuple[list[dict[str, Any]], bool]:
    """Messages in pages, so that no answer is huge; and whether there are more."""
    messages: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        room = min(_PAGE, limit - len(messages)) if limit else _PAGE
        told = control.call("listMessages", limit=room, **wanted, **pairs(cursor=cursor))
        messages += told["messages"]
        cursor = told.get("next_cursor")
        if not cursor or (limit and len(messages) >= limit):
            return messages, bool(cursor)


@app.command()
def show(
    ctx: typer.Context,
    message_id: str = typer.Argument(..., metavar="ID", help="The message."),
    history: bool = typer.Option(False, "--history", "-H", help="Shown anyway.", hidden=True),
) -> None:
    """One message: its recipients with their replies, and what happened when.

    Examples:
      mail-proxy myserver acme messages show 2026-1182
    """
    del history
    found = here(ctx)
    key = {"tenant_id": found.require_tenant_id(), "id": message_id}
    try:
        with found.control() as control:
            message = control.call("getMessage", **key)["message"]
            events = control.call("getMessageEvents", **key)["events"]
    except NotFound as error:
        raise message_changes.no_message(found, message_id) from error
    message_page.print_message(found, message_row(message), events)


@app.command()
def why(
    ctx: typer.Context,
    message_id: str = typer.Argument(..., metavar="ID", help="The message."),
) -> None:
    """Why a message is where it is, and the command to go on with.

    Examples:
      mail-proxy myserver acme messages why 2026-1182
    """
    found = here(ctx)
    key = {"tenant_id": found.require_tenant_id(), "id": message_id}
    try:
        told = found.call("explainMessage", **key)
    except NotFound as error:
        raise message_changes.no_message(found, message_id) from error
    message_page.print_why(found, told)


for command in (
    message_changes.hold,
    message_changes.free,
    message_changes.retry,
    message_changes.resend,
    message_changes.settle,
    message_changes.delete,
    message_changes.cleanup,
):
    app.command()(command)
