"""`NAME reports ...` and `NAME TENANT reports ...`: what the application is told of its mail."""

from __future__ import annotations

import typer

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.moment import moment
from mail_proxy.cli.output import pairs
from mail_proxy.cli.queue import hint_if_down
from mail_proxy.domain import units
from mail_proxy.domain.command_line import command_line
from mail_proxy.tables.lists import REPORTS, SYNC_STATUS

app = Family()


_EVENT_IDS = typer.Argument(None, metavar="[EVENT]...", help="Ids of events.")
_MESSAGE = typer.Option(
    None, "--message", "-m", metavar="ID", help="All events of this message; may be repeated."
)


@app.command("list")
def list_(
    ctx: typer.Context,
    state: str = typer.Option(
        "pending,parked",
        "--state",
        "-s",
        help="Some of pending, parked, reported, dropped, by commas.",
    ),
    limit: int = typer.Option(50, "--limit", "-l", min=1, max=1000, help="How many."),
) -> None:
    """Events that the application has not acknowledged, oldest first.

    Examples:
      mail-proxy myserver reports list
      mail-proxy myserver acme reports list --state parked
    """
    found = here(ctx)
    told = found.call("listReports", state=state, limit=limit, **_tenant(found))
    found.writer.records(REPORTS, told["reports"], empty="Every event is acknowledged.")
    if told.get("next_cursor"):
        found.writer.hint(f"Only the first {limit}. More of them: --limit 1000")


@app.command()
def replay(
    ctx: typer.Context,
    event_ids: list[str] = _EVENT_IDS,
    message: list[str] = _MESSAGE,
    since: str | None = typer.Option(
        None, "--since", metavar="TIME", help="All from then on: 2h ago is 2h; 2026-11-21T10:00."
    ),
    until: str | None = typer.Option(None, "--until", metavar="TIME", help="And before then."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would be done."),
) -> None:
    """Report events once more, under their old ids, also those that were acknowledged.

    It ends a pause and a backoff of the tenant's reports too.

    Examples:
      mail-proxy myserver acme reports replay --since 2h
      mail-proxy myserver acme reports replay --message 2026-1182
    """
    found = here(ctx)
    now = found.writer.now()
    which = pairs(
        event_ids=event_ids or None,
        ids=message or None,
        since_ts=moment("--since", since, now),
        until_ts=moment("--until", until, now),
    )
    if len(which.keys() - {"until_ts"} or which.keys()) != 1 or (
        "until_ts" in which and which.keys() & {"event_ids", "ids"}
    ):
        raise CommandFailed(
            "give EVENT ids, or --message, or --since and --until",
            tries=(f"{found.path} reports list", f"{found.path} reports replay --since 1h"),
            code=ExitCode.USAGE,
        )
    if dry_run:
        found.writer.would(f"report once more to '{found.tenant_id}'", **which)
        return
    told = found.call("replayReports", **which, **_tenant(found))
    n = int(told["replayed"])
    record = {"replayed": n, "not_found": told["not_found"]}
    found.writer.done(record, f"{_events(n)} reported once more")
    for name in told["not_found"]:
        found.writer.complain(f"nothing to report of '{name}'")
    if told["not_found"]:
        raise typer.Exit(ExitCode.NOT_FOUND)
    hint_if_down(found)


@app.command()
def resume(ctx: typer.Context) -> None:
    """Go on after a 410, after failures, and with what was parked.

    Examples:
      mail-proxy myserver acme reports resume
    """
    found = here(ctx)
    told = found.call("resumeReports", **_tenant(found))
    record = {key: told[key] for key in ("tenant_id", "was_paused", "failures", "unparked")}
    text = f"Reports to '{told['tenant_id']}' go on"
    if told["unparked"]:
        text += f", with {units.count(int(told['unparked']))} that were parked"
    found.writer.done(record, text)
    hint_if_down(found)


@app.command()
def status(ctx: typer.Context) -> None:
    """How far the reports to each tenant have come, and why they wait.

    Examples:
      mail-proxy myserver reports status
    """
    found = here(ctx)
    told = found.call("getSyncStatus")["tenants"]
    if found.tenant_id:
        found.call("getTenant", tenant_id=found.tenant_id)  # tells one that is not there
        told = [tenant for tenant in told if tenant["id"] == found.tenant_id]
    found.writer.records(SYNC_STATUS, told, empty="There is no tenant yet.")
    stuck = [t["id"] for t in told if t["paused"] or t["parked"]]
    if stuck:
        resume = command_line(found.instance_name, str(stuck[0]), "reports", "resume")
        found.writer.hint(f"  {resume}")


def _tenant(found: Here) -> dict[str, str]:
    """The tenant of this line; without one all of them, or the only one."""
    return {"tenant_id": found.require_tenant_id()} if found.tenant_id else {}


def _events(n: int) -> str:
    return "1 event is" if n == 1 else f"{units.count(n)} events are"
