"""`list` and `status`: the instances of this machine."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import typer

from mail_proxy.cli.doors import Daemon, DaemonState
from mail_proxy.cli.exit_codes import ServiceStatus
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.suspended import is_suspended
from mail_proxy.config.instances import Instance, list_instances
from mail_proxy.domain.errors import MailProxyError
from mail_proxy.tables.columns import Column, show_age

app = Family()


def show_suspended(value: object, _now: float) -> str:
    """Whether it sends."""
    if value is None:
        return "-"
    return "suspended" if value else "yes"


COLUMNS = (
    Column("name", is_id=True),
    Column("state"),
    Column("pid", drop=3, right=True),
    Column("url", "address", drop=1),
    Column("started_at", "up", show_age, drop=2, right=True),
    Column("suspended", "sending", show_suspended, drop=4),
)

_EXAMPLES = """\
Examples:
  mail-proxy start myserver               make it, and start it
  mail-proxy myserver tenants add acme    who posts mail
  mail-proxy myserver acme accounts add   whose SMTP account sends it"""

_NEXT = (
    ("{name}", "how it is, and its commands"),
    ("{name} top", "watch the queue, and act on it"),
    ("{name} tenants list", "who posts mail"),
    ("start another", "one more instance"),
)


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """The instances of this machine and whether they run.

    Examples:
      mail-proxy list
      mail-proxy list --json
    """
    print_list(here(ctx))


def print_list(found: Here) -> None:
    records = [_record(found, instance) for instance in list_instances(found.root)]
    found.writer.records(
        COLUMNS, records, empty="There is no instance yet. Make one: mail-proxy start myserver"
    )
    _hint_dead(found, records)


def _hint_dead(found: Here, records: list[dict[str, Any]]) -> None:
    """What to do about those that are gone without having been stopped."""
    for name in (r["name"] for r in records if r["state"] == DaemonState.DEAD):
        found.writer.hint(
            f"'{name}' ended without being stopped. Why: mail-proxy {name} logs. "
            f"To go on with what waits: mail-proxy start {name}"
        )


def print_overview(found: Here) -> None:
    """What `mail-proxy` alone says."""
    print_list(found)
    name = next(iter(found.instance_names()), "")
    found.writer.hint("\n" + (_next(name) if name else _EXAMPLES) + "\n\nMore: mail-proxy --help")


def _next(name: str) -> str:
    """Where to go on with an instance that is there."""
    lines = [(f"mail-proxy {words.format(name=name)}", what) for words, what in _NEXT]
    longest = max(len(line) for line, _ in lines)
    return "\n".join(["Next:", *(f"  {line:<{longest}}  {what}" for line, what in lines)])


def _record(found: Here, instance: Instance) -> dict[str, Any]:
    daemon = found.doors.status(instance)
    return {
        "name": instance.name,
        "state": daemon.state.value,
        "pid": daemon.pid if daemon.is_running else None,
        "url": daemon.url if daemon.is_running else None,
        "started_at": daemon.started_at if daemon.is_running else None,
        "suspended": _is_suspended(found, instance, daemon),
    }


def _is_suspended(found: Here, instance: Instance, daemon: Daemon) -> bool | None:
    """Whether all its sending is held; None when there is nobody to ask."""
    if daemon.state is not DaemonState.RUNNING:
        return None
    try:
        with closing(found.doors.control(instance, found.environ)) as control:
            return is_suspended(control.call("getInstance"))
    except MailProxyError:
        return None  # it stopped meanwhile; the list is about all the others too


@app.command()
def status(
    ctx: typer.Context,
    name: str | None = typer.Argument(None, metavar="NAME", help="One instance; all without it."),
) -> int:
    """Whether instances run; the exit code says it too.

    0 running, 3 stopped, 1 dead with its pid file left, 4 no such instance. Without a name: 0 when
    all of them run, else 3.

    Examples:
      mail-proxy status
      mail-proxy status myserver
    """
    found = here(ctx)
    if name is None:
        print_list(found)
        states = [found.doors.status(i).is_running for i in list_instances(found.root)]
        return ServiceStatus.RUNNING if all(states) else ServiceStatus.STOPPED
    return _status_of(found, name)


def _status_of(found: Here, name: str) -> int:
    record = _record(found, found.existing(name))
    found.writer.records(COLUMNS, [record])
    _hint_dead(found, [record])
    return _SERVICE_STATUS[DaemonState(record["state"])]


_SERVICE_STATUS = {
    DaemonState.RUNNING: ServiceStatus.RUNNING,
    DaemonState.UNRESPONSIVE: ServiceStatus.UNKNOWN,
    DaemonState.STOPPED: ServiceStatus.STOPPED,
    DaemonState.DEAD: ServiceStatus.DEAD,
}
