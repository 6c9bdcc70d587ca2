"""`NAME suspend`, `activate` and `run-now`: the sending of a whole instance."""

from __future__ import annotations

import typer

from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.suspended import is_suspended, of_instance
from mail_proxy.domain import units

app = Family()


@app.command()
def suspend(
    ctx: typer.Context,
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would change."),
) -> None:
    """Stop all sending of this instance.

    Mail is still accepted, and reports go on. It stays so over restarts.

    Examples:
      mail-proxy myserver suspend
    """
    found = here(ctx)
    name = found.instance.name
    if dry_run:
        found.writer.would(f"suspend all sending of '{name}'")
        return
    found.prompts.confirm_command("suspend", instance=name)
    told = found.call("suspend")
    n = int(told.get("pending_messages", 0))
    found.writer.done(
        {"name": name, "suspended": True, "pending_messages": n},
        f"'{name}' sends nothing now; {units.waiting(n)}",
    )
    found.writer.hint(f"  {found.path} activate")


@app.command()
def activate(ctx: typer.Context) -> None:
    """Let it send again.

    Examples:
      mail-proxy myserver activate
    """
    found = here(ctx)
    name = found.instance_name
    with found.control() as control:
        was_suspended = is_suspended(control.call("getStatus"))
        told = control.call("activate")
    n = int(told.get("pending_messages", 0))
    verb = "sends again" if was_suspended else "was not suspended"
    found.writer.done(
        {
            "name": name,
            "suspended": False,
            "was_suspended": was_suspended,
            "pending_messages": n,
        },
        f"'{name}' {verb}; {units.waiting(n)}",
    )
    hint_if_down(found)


@app.command("run-now")
def run_now(ctx: typer.Context) -> None:
    """Look at the queue now.

    Examples:
      mail-proxy myserver run-now
    """
    found = here(ctx)
    run_now_for(found)


def run_now_for(found: Here, **fields: str) -> None:
    """Wake the loops, and say so; without a daemon, or suspended, there is nothing to wake."""
    with found.control() as control:
        control.call("runNow", **fields)
        is_live = control.is_live
        status = control.call("getStatus", **fields)
    record = {"name": found.instance_name, **fields, "triggered": is_live}
    if is_live:
        found.writer.done(record, "The queue is looked at now")
        for sentence in of_instance(found.instance_name, status):
            found.writer.hint(sentence)
    else:
        found.writer.done(record, f"'{found.instance_name}' is not running: nothing is sent")
        found.writer.hint(f"  mail-proxy start {found.instance_name}")


def hint_if_down(found: Here) -> None:
    """Say that nothing is sent while the daemon is down."""
    if not found.doors.status(found.instance).is_running:
        name = found.instance_name
        found.writer.hint(f"'{name}' is not running: mail-proxy start {name}")
