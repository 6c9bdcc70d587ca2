"""`NAME TENANT messages ...`: what is in the queue, and what became of it."""

from __future__ import annotations

from typing import Any

import typer

from mail_proxy.cli import message_page
from mail_proxy.cli.columns import Column, show_age, show_recipients, show_until
from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.output import pairs
from mail_proxy.domain.safe_text import safe_text

app = Family()

_PRIORITIES = ("immediate", "high", "medium", "low")
_STATUSES = ("pending", "deferred", "sent", "error", "held", "in_doubt", "bounced")


def _show_priority(value: object, _now: float) -> str:
    if isinstance(value, int) and 0 <= value < len(_PRIORITIES):
        return _PRIORITIES[value]
    return safe_text(value)


COLUMNS = (
    Column("id", is_id=True),
    Column("priority", "pri", _show_priority, drop=5),
    Column("status", "state"),
    Column("account_id", "account", drop=3),
    Column("to", "to", show_recipients),
    Column("tries", drop=4, right=True),
    Column("deferred_ts", "next", show_until, drop=2, right=True),
    Column("created_at", "age", show_age, drop=1, right=True),
)

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

_IDS = typer.Argument(..., metavar="ID...", help="Ids of messages.")


@app.command("list")
def list_(
    ctx: typer.Context,
    account: str | None = typer.Option(None, "--account", "-a", help="Only of this SMTP account."),
    status: str = typer.Option(
        "all", "--status", "-s", help="all, or some of " + ", ".join(_STATUSES) + ", by commas."
    ),
    batch: str | None = typer.Option(None, "--batch", metavar="CODE", help="Only of this batch."),
    limit: int = typer.Option(50, "--limit", "-l", min=0, help="How many; 0: all."),
    csv: bool = typer.Option(False, "--csv", help="The same as --output csv."),
) -> None:
    """Messages, by priority, then as they came.

    Examples:
      mail-proxy myserver acme messages list --status deferred,error
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
    )
    told, more = _pages(found, wanted, limit)
    records = [flattened(message) for message in told]
    found.writer.records(
        COLUMNS, records, empty="There is no such message.", csv_columns=CSV_COLUMNS
    )
    if more:
        found.writer.hint(f"Only the first {limit}. All of them: --limit 0")


def _status(text: str) -> str | None:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words or "all" in words:
        return None
    for word in words:
        if word not in _STATUSES:
            raise CommandFailed(
                f"--status: there is no '{safe_text(word, 40)}'. "
                f"There are: all, {', '.join(_STATUSES)}",
                code=ExitCode.USAGE,
            )
    return ",".join(words)


_PAGE = 1000


def _pages(found: Here, wanted: dict[str, Any], limit: int) -> tuple[list[dict[str, Any]], bool]:
    """Messages in pages, so that no answer is huge; and whether there are more."""
    messages: list[dict[str, Any]] = []
    cursor: str | None = None
    with found.control() as control:
        while True:
            room = min(_PAGE, limit - len(messages)) if limit else _PAGE
            told = control.call("listMessages", limit=room, **wanted, **pairs(cursor=cursor))
            messages += told["messages"]
            cursor = told.get("next_cursor")
            if not messages:
                # Of a tenant that is not there, there are none too.
                control.call("getTenant", tenant_id=wanted["tenant_id"])
            if not cursor or (limit and len(messages) >= limit):
                return messages, bool(cursor)


def flattened(message: dict[str, Any]) -> dict[str, Any]:
    """A message with what a list shows of it on one level.

    smtp_ts: when the relay answered for good, be it yes or no.
    """
    posted = message.get("message") or {}
    addresses = [recipient.get("address") for recipient in message.get("recipients") or []]
    return {
        **{key: value for key, value in message.items() if key != "message"},
        "from": posted.get("from") or posted.get("from_addr"),
        "to": addresses or posted.get("to"),
        "subject": posted.get("subject"),
        "smtp_ts": message.get("sent_ts") or message.get("error_ts"),
    }


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
    with found.control() as control:
        message = control.call("getMessage", **key)["message"]
        events = control.call("getMessageEvents", **key)["events"]
    message_page.print_message(found, flattened(message), events)


@app.command()
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
    what = _what(ids)
    if dry_run:
        found.writer.line(f"would delete {what}")
        return ExitCode.DONE
    found.prompts.confirm(f"Delete {what}?", given=force)
    told = found.call("deleteMessages", tenant_id=tenant_id, ids=ids)
    return _tell_done(found, "Deleted", int(told["removed"]), told.get("not_found") or [])


@app.command()
def retry(ctx: typer.Context, ids: list[str] = _IDS) -> int:
    """Try messages again now; their tries start anew.

    Examples:
      mail-proxy myserver acme messages retry 2026-1182
    """
    found = here(ctx)
    told = found.call("retryMessages", tenant_id=found.require_tenant_id(), ids=ids)
    return _tell_done(found, "Retried", len(told["retried"]), told.get("not_found") or [])


@app.command()
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
        found.writer.line(f"would delete finished messages of '{tenant_id}'{age}")
        return
    found.prompts.confirm(f"Delete finished messages of '{tenant_id}'{age}?", given=force)
    told = found.call(
        "cleanupMessages", **pairs(tenant_id=tenant_id, older_than_seconds=older_than)
    )
    found.writer.line(f"Deleted {told['removed']} messages")


def _what(ids: list[str]) -> str:
    return f"message '{safe_text(ids[0], 80)}'" if len(ids) == 1 else f"{len(ids)} messages"


def _tell_done(found: Here, verb: str, n_done: int, not_done: list[str]) -> int:
    if found.writer.format in ("table", "plain"):
        found.writer.line(f"{verb} {n_done} of {n_done + len(not_done)}")
    else:
        found.writer.document({"done": n_done, "not_found": not_done})
    for message_id in not_done:
        found.writer.complain(
            f"  not found, or its state does not allow it: {safe_text(message_id, 255)}"
        )
    if not not_done:
        return ExitCode.DONE
    return ExitCode.PARTLY if n_done else ExitCode.NOT_FOUND
