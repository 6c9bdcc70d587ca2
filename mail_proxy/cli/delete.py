"""`delete NAME`: an instance and everything in its folder."""

from __future__ import annotations

import shutil

import typer

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.stop import stop_instance
from mail_proxy.config.instances import Instance
from mail_proxy.config.lock import DatabaseLock
from mail_proxy.domain import units
from mail_proxy.domain.errors import MailProxyError

app = Family()


@app.command()
def delete(
    ctx: typer.Context,
    name: str = typer.Argument(..., metavar="NAME", help="The instance."),
    confirm: str | None = typer.Option(
        None, "--confirm", metavar="NAME", help="Its name once more."
    ),
    force: bool = typer.Option(False, "--force", "-f", help="Do not ask."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would go."),
) -> None:
    """Delete an instance with its queue and all its data.

    It is stopped first. What waits in its queue is never sent.

    Examples:
      mail-proxy delete myserver
      mail-proxy delete myserver --confirm myserver
    """
    found = here(ctx)
    instance = found.existing(name)
    is_running = found.doors.status(instance).is_running
    n = _waiting(found, instance)
    what = (
        f"'{name}' ({'running' if is_running else 'not running'}) with its folder "
        f"{instance.folder}{'' if n is None else f'; {units.waiting(n)} in it'}"
    )
    if dry_run:
        found.writer.would(f"delete {what}", name=name, is_running=is_running, pending_messages=n)
        return
    found.prompts.confirm_name(f"Delete {what}?", name, confirmed=confirm, forced=force)
    stop_instance(found, instance, force=force)
    _remove(instance)
    found.writer.done({"name": name, "deleted": True}, f"Deleted '{name}'")


def _waiting(found: Here, instance: Instance) -> int | None:
    """How many messages would never be sent, where that can be known."""
    if not instance.database_path.exists():
        return None
    try:
        control = found.doors.control(instance, found.environ)
        try:
            return int(control.call("getStatus").get("pending_messages", 0))
        finally:
            control.close()
    except MailProxyError:
        return None  # a broken instance must be deletable


def _remove(instance: Instance) -> None:
    """Take the folder away in one step, then what is in it. Raises Locked, CommandFailed."""
    doomed = instance.folder.with_name(f".deleting-{instance.name}")
    with DatabaseLock(instance.database_path).acquire("delete"):
        try:
            if doomed.exists():
                shutil.rmtree(doomed)  # left by a deletion that was interrupted
            instance.folder.rename(doomed)
            shutil.rmtree(doomed)
        except OSError as error:
            raise CommandFailed(f"cannot delete {error.filename}: {error.strerror}") from error
