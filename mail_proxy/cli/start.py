"""`start` and `serve`: an instance goes to work."""

from __future__ import annotations

from enum import StrEnum, auto
from typing import Any

import typer

from mail_proxy.cli.doors import Started
from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.failure import tell
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.spinner import spinner
from mail_proxy.config.instances import Instance, instance_named
from mail_proxy.domain.errors import MailProxyError, NotRunning
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.observe.tail import last_lines, size_of

app = Family()

START_TIMEOUT_S = 15.0  # a first start makes tables and keys; a slow disk takes seconds
_LOG_LINES = 20

_HOST = typer.Option(None, "--host", help="Address to listen on; a new one: 127.0.0.1.")
_PORT = typer.Option(
    None, "--port", "-p", min=1, max=65535, help="Port; a new one: the first free from 8000."
)
_SERVE_HOST = typer.Option(None, "--host", help="Address to listen on; else GMP_HOST, 0.0.0.0.")
_SERVE_PORT = typer.Option(
    None, "--port", "-p", min=1, max=65535, help="Port to listen on; else GMP_PORT, 8000."
)


@app.command()
def start(
    ctx: typer.Context,
    name: str = typer.Argument(..., metavar="NAME", help="a-z, 0-9 and '-', at most 31."),
    host: str | None = _HOST,
    port: int | None = _PORT,
    foreground: bool = typer.Option(False, "--foreground", "-f", help="Stay in front."),
    background: bool = typer.Option(False, "--background", "-b", help="The default."),
    reload: bool = typer.Option(
        False, "--reload", help="In front, starting again when its code changes (development)."
    ),
) -> int:
    """Start an instance; an unknown name makes a new one.

    Returns when the daemon answers. One that runs already is left alone, exit 0. --host and --port
    are kept for a new instance; for an old one they hold until it is stopped, over restarts.

    Examples:
      mail-proxy start myserver
      mail-proxy start myserver --host 0.0.0.0 --port 8025
    """
    found = here(ctx)
    if background and (foreground or reload):
        raise typer.BadParameter("--background does not go with --foreground or --reload")
    instance = instance_named(name, found.root)
    origin = _origin(instance)
    near = _near_names(found, name) if origin is Origin.NEW else ""
    in_front = foreground or reload
    if in_front and not found.doors.status(instance).is_running:
        is_new = not instance.folder.exists()
        found.doors.create(instance)
        _tell_origin(found, name, origin, near)
        command = found.doors.front_command(instance, host=host, port=port, is_new=is_new)
        return _run_in_front(found, command, reload=reload)
    started = start_or_fail(found, instance, host, port)
    found.instance_name = name
    _tell_origin(found, name, origin, near)
    _tell_started(found, instance, started, is_new=origin is Origin.NEW)
    if started.was_running:
        _tell_not_applied(found, instance, host=host, port=port, in_front=in_front)
    return 0


class Origin(StrEnum):
    """What was there of an instance before it was started."""

    NEW = auto()  # nothing
    LOST_CONFIG = auto()  # its database, and no config.toml
    OLD = auto()


def _origin(instance: Instance) -> Origin:
    if instance.exists():
        return Origin.OLD
    return Origin.LOST_CONFIG if instance.database_path.exists() else Origin.NEW


def _tell_origin(found: Here, name: str, origin: Origin, near: str) -> None:
    if origin is Origin.LOST_CONFIG:
        found.writer.warn(f"'{name}' had no config.toml; it was made anew, all else was found")
    elif origin is Origin.NEW and found.writer.format in ("table", "plain"):
        found.writer.line(f"Created new instance '{name}'")
    if near:
        found.writer.hint(f"There is also {near}. Not meant? mail-proxy delete {name}")


def _near_names(found: Here, name: str) -> str:
    from mail_proxy.domain.suggest import near

    return ", ".join(f"'{known}'" for known in near(name, found.instance_names()))


def _run_in_front(found: Here, command: list[str], *, reload: bool) -> int:
    environ = {**found.environ, "MAIL_PROXY_HOME": str(found.root)}
    if not reload:
        found.doors.become(command, environ)
    from mail_proxy.cli.reload import run_reloading

    return run_reloading(command, environ, tell=found.writer.hint)


def start_or_fail(
    found: Here, instance: Instance, host: str | None = None, port: int | None = None
) -> Started:
    """Start it; on failure its last words from the log, and CommandFailed."""
    was_there = instance.exists()
    logged_before = size_of(instance.log_path)
    try:
        with spinner(found.writer, f"starting {instance.name}"):
            return found.doors.start(
                instance, found.environ, host=host, port=port, timeout_s=START_TIMEOUT_S
            )
    except MailProxyError as error:
        if not _says_why(error):
            for line in last_lines(instance.log_path, _LOG_LINES, after=logged_before):
                found.writer.complain(f"  log: {safe_text(line)}")
        tries = [error.hint or f"mail-proxy {instance.name} logs -n 100"]
        if not was_there and instance.exists():
            tries += [f"mail-proxy start {instance.name}", f"mail-proxy delete {instance.name}"]
        why = str(error).split("\n", 1)[0]  # what follows are the same lines of the log
        raise CommandFailed(
            f"'{instance.name}' did not start: {why}",
            tries=tuple(dict.fromkeys(tries)),
        ) from error


def _says_why(error: MailProxyError) -> bool:
    """The sentence is the whole reason, and the log repeats it."""
    return not isinstance(error, NotRunning) and error.code != MailProxyError.code


def _tell_started(found: Here, instance: Instance, started: Started, *, is_new: bool) -> None:
    record: dict[str, Any] = {
        "name": instance.name,
        "created": is_new,
        "was_running": started.was_running,
        "pid": started.pid,
        "url": started.url,
    }
    verb = "is already running" if started.was_running else "is running"
    text = f"'{instance.name}' {verb}: pid {started.pid}, {started.url}"
    if is_new:
        record["token"] = _token(found)
        text += f"\nAdmin token: {record['token']}" if record["token"] else ""
    if started.warnings:
        record["warnings"] = list(started.warnings)
    found.writer.done(record, text)
    for warning in started.warnings:
        found.writer.warn(safe_text(warning, 1000))
    if found.writer.format in ("table", "plain"):
        _hint_next(found, created=is_new)


def _tell_not_applied(
    found: Here, instance: Instance, *, host: str | None, port: int | None, in_front: bool
) -> None:
    """Options of a start that changed nothing, because it runs already."""
    daemon = found.doors.status(instance)
    asked = {"--host": (host, daemon.host), "--port": (port, daemon.port)}
    ignored = [f"{o} {want}" for o, (want, has) in asked.items() if want not in (None, has)]
    if ignored:
        options = " ".join(ignored)
        found.writer.warn(
            f"{options} was not applied: it runs at {daemon.url}. "
            f"To move it: mail-proxy restart {instance.name} {options}"
        )
    if in_front:
        found.writer.warn(
            f"it runs behind the terminal. To have it in front: mail-proxy stop {instance.name}, "
            "then start it again"
        )


def _hint_next(found: Here, *, created: bool) -> None:
    name = found.instance_name
    if created:
        found.writer.hint(
            f"\nNext:\n"
            f"  mail-proxy {name} tenants add acme\n"
            f"  mail-proxy {name} acme accounts add\n"
            f"  mail-proxy {name} acme send --to you@example.com"
        )
    else:
        found.writer.hint(f"  mail-proxy {name} stats")


def _token(found: Here) -> str | None:
    """The new admin token; the start stands without it."""
    try:
        return str(found.call("getToken")["token"])
    except MailProxyError as error:
        tell(found, f"the token could not be read: {error}", (f"{found.path} token",))
        return None


@app.command()
def serve(
    ctx: typer.Context, host: str | None = _SERVE_HOST, port: int | None = _SERVE_PORT
) -> int:
    """Run one instance in front, from GMP_* alone.

    For containers and service managers: no name, no folder of instances. It listens on
    GMP_HOST (0.0.0.0) and GMP_PORT (8000), and stores in GMP_DB_PATH.

    Examples:
      GMP_DB_PATH=/data/mail_service.db mail-proxy serve
    """
    found = here(ctx)
    environ = dict(found.environ)
    if host:
        environ["GMP_HOST"] = host
    if port:
        environ["GMP_PORT"] = str(port)
    found.doors.become(found.doors.front_command(None, host=None, port=None), environ)
