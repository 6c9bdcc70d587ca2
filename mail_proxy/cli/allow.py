"""`NAME allow`: what of your own network tenants may have called."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.config.environment import BY_KEY
from mail_proxy.config.file import read_config, write_config

app = Family()

_KEY = "allowed_networks"
_VARIABLE = BY_KEY[_KEY]


_ENTRIES = typer.Argument(
    None, metavar="[HOST|NETWORK]...", help="As files.internal or 10.1.0.0/16; none: list."
)


@app.command()
def allow(
    ctx: typer.Context,
    entries: list[str] | None = _ENTRIES,
    remove: bool = typer.Option(False, "--remove", help="Allow them no longer."),
) -> None:
    """Let tenants reach hosts or networks of your own.

    URLs and mail servers that a tenant's key has set may not lead into your network; what you set
    yourself may. This makes exceptions: allowed_networks in config.toml.

    Examples:
      mail-proxy myserver allow
      mail-proxy myserver allow files.internal 10.1.0.0/16
      mail-proxy myserver allow --remove 10.1.0.0/16
    """
    found = here(ctx)
    path = found.instance.config_path
    old = _parsed(str(read_config(path).values.get(_KEY, "")), str(path))
    given = [entry for text in entries or () for entry in _parsed(text, f"'{text}'")]
    if not given:
        found.writer.done({_KEY: list(old)}, "\n".join(old) or "Nothing is allowed.")
        return
    new = _without(found, old, given) if remove else tuple(dict.fromkeys((*old, *given)))
    write_config(path, {_KEY: ",".join(new)})
    words = ", ".join(given)
    found.writer.done(
        {_KEY: list(new)}, f"Not allowed any more: {words}" if remove else f"Allowed: {words}"
    )
    _tell_when(found)


def _parsed(text: str, where: str) -> tuple[str, ...]:
    try:
        parsed: tuple[str, ...] = _VARIABLE.kind.parse(text)
    except ValueError as error:
        raise CommandFailed(f"{where} must be {error}", code=ExitCode.USAGE) from error
    return parsed


def _without(found: Here, old: Sequence[str], gone: Sequence[str]) -> tuple[str, ...]:
    absent = [entry for entry in gone if entry not in old]
    if absent:
        raise CommandFailed(
            f"not in the list: {', '.join(absent)}",
            tries=(f"{found.path} allow",),
            code=ExitCode.NOT_FOUND,
        )
    return tuple(entry for entry in old if entry not in gone)


def _tell_when(found: Here) -> None:
    if found.environ.get(_VARIABLE.name):
        found.writer.warn(f"{_VARIABLE.name} is set and wins over config.toml")
    if found.doors.status(found.instance).is_running:
        found.writer.hint(
            f"It counts from the next start: mail-proxy restart {found.instance.name}"
        )
