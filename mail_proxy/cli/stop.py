"""`stop` and `restart`."""

from __future__ import annotations

from typing import TypeVar

import typer

from mail_proxy.cli.doors import Daemon, Started
from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.start import start_or_fail
from mail_proxy.config.instances import Instance
from mail_proxy.domain.errors import MailProxyError
from mail_proxy.domain.safe_text import safe_text

app = Family()
_T = TypeVar("_T")

_TELL_EVERY_S = 5.0

_NAME = typer.Argument(..., metavar="NAME", help="The instance.")
_FORCE = typer.Option(False, "--force", "-f", help="Do not let what is on the wire end.")
_DRY_RUN = typer.Option(False, "--dry-run", help="Only say what would be stopped.")


@app.command()
def stop(
    ctx: typer.Context, name: str = _NAME, force: bool = _FORCE, dry_run: bool = _DRY_RUN
) -> None:
    """Stop an instance; what is on the wire ends first.

    Nothing is lost either way: what waits stays in the queue. With --force a mail that was just
    being sent may be sent twice. On a terminal it asks when mail is just being sent.

    Examples:
      mail-proxy stop myserver
      mail-proxy stop myserver --yes
    """
    found = here(ctx)
    instance = found.existing(name)
    if dry_run:
        found.writer.would(_what_would_stop(found, instance, force=force))
        return
    _ask_about_sends(found, instance, force=force)
    was_running = stop_instance(found, instance, force=force)
    text = f"'{name}' is stopped" if was_running else f"'{name}' was not running"
    found.writer.done({"name": name, "was_running": was_running}, text)
    if was_running:
        found.writer.hint(f"  mail-proxy start {name}")


@app.command()
def restart(
    ctx: typer.Context,
    name: str = _NAME,
    force: bool = _FORCE,
    host: str | None = typer.Option(None, "--host", help="Address to listen on."),
    port: int | None = typer.Option(None, "--port", "-p", min=1, max=65535, help="Port."),
    dry_run: bool = _DRY_RUN,
) -> None:
    """Stop an instance and start it again, at the same address unless told otherwise.

    One whose settings are wrong by now is left running.

    Examples:
      mail-proxy restart myserver
    """
    found = here(ctx)
    instance = found.existing(name)
    daemon = found.doors.status(instance)
    host = host or _kept(found, daemon, "host", daemon.host)
    port = port or _kept(found, daemon, "port", daemon.port)
    _check(found, instance, daemon, host=host, port=port)
    if dry_run:
        found.writer.would(f"{_what_would_stop(found, instance, force=force)}, and start it again")
        return
    _ask_about_sends(found, instance, force=force)
    was_running = stop_instance(found, instance, force=force)
    started = _start_again(found, instance, host=host, port=port, was_running=was_running)
    found.instance_name = name
    record = {"name": name, "was_running": was_running, "pid": started.pid, "url": started.url}
    found.writer.done(record, f"'{name}' is running: pid {started.pid}, {started.url}")
    for warning in started.warnings:
        found.writer.warn(safe_text(warning, 1000))


def _kept(found: Here, daemon: Daemon, key: str, value: _T | None) -> _T | None:
    """A part of the address that the next daemon would not find by itself.

    config.toml is read again, so that a change in it is obeyed; so is the environment.
    """
    source = daemon.sources.get(key)
    is_lost = source == "environment" and not found.environ.get(f"GMP_{key.upper()}")
    return value if source == "option" or is_lost else None


def _check(
    found: Here, instance: Instance, daemon: Daemon, *, host: str | None, port: int | None
) -> None:
    """What would not start again is left as it is."""
    try:
        found.doors.check(instance, found.environ, host=host, port=port)
    except MailProxyError as error:
        if not daemon.is_running:
            raise
        raise CommandFailed(
            f"'{instance.name}' was not restarted, and goes on as it was: {error}",
            tries=(error.hint,) if error.hint else (),
        ) from error


def _start_again(
    found: Here, instance: Instance, *, host: str | None, port: int | None, was_running: bool
) -> Started:
    try:
        return start_or_fail(found, instance, host, port)
    except CommandFailed as error:
        if not was_running:
            raise
        tries = (*error.tries, f"mail-proxy start {instance.name}")
        raise CommandFailed(
            f"'{instance.name}' was stopped, and {error}", tries=tries, code=error.code
        ) from error


def stop_instance(found: Here, instance: Instance, *, force: bool = False) -> bool:
    """Stop it and tell while that takes time; False when it did not run."""
    if not found.doors.status(instance).is_running:
        return False
    told_at = 0.0

    def on_wait(waited_s: float) -> None:
        nonlocal told_at
        if waited_s - told_at >= _TELL_EVERY_S:
            told_at = waited_s
            sending = _sends_in_flight(found, instance)
            found.writer.hint(
                f"waiting for {sending} to end, {waited_s:.0f} s so far. "
                f"To force it: mail-proxy stop {instance.name} --force"
            )

    return found.doors.stop(instance, force=force, on_wait=on_wait)


def _ask_about_sends(found: Here, instance: Instance, *, force: bool) -> None:
    """Only a person who is there: a script's stop loses nothing, and has nobody to ask."""
    if not found.prompts.is_possible or not found.doors.status(instance).is_running:
        return
    n = _count_in_flight(found, instance)
    if n:
        how = "they may be sent twice" if force else "they end first"
        found.prompts.confirm(f"Stop '{instance.name}'? {n} sends are in flight; {how}.")


def _what_would_stop(found: Here, instance: Instance, *, force: bool) -> str:
    daemon = found.doors.status(instance)
    if not daemon.is_running:
        return f"stop nothing: '{instance.name}' is {daemon.state.value}"
    how = "without letting them end" if force else "which end first"
    return f"stop '{instance.name}', with {_sends_in_flight(found, instance)}, {how}"


def _sends_in_flight(found: Here, instance: Instance) -> str:
    n = _count_in_flight(found, instance)
    return "what is on the wire" if n is None else f"{n} sends in flight"


def _count_in_flight(found: Here, instance: Instance) -> int | None:
    """None where nobody can tell: the socket of one that stops is closed."""
    try:
        control = found.doors.control(instance, found.environ)
        try:
            return int(control.call("getStats").get("by_state", {}).get("leased", 0))
        finally:
            control.close()
    except (MailProxyError, ValueError):
        return None
