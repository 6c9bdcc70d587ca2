"""`NAME config ...`: the settings of an instance, and where each of them comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import typer

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.output import pairs
from mail_proxy.cli.passwords import PasswordOptions, find_password
from mail_proxy.config.environment import BY_KEY
from mail_proxy.config.file import write_config
from mail_proxy.config.load import load_settings
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.domain.suggest import did_you_mean
from mail_proxy.tables.columns import Column

app = Family()

_COLUMNS = (Column("name", is_id=True), Column("value"), Column("source", drop=1))
_STORED = ("name", "scheduler_active")  # and those that begin with bounce_
_UNREAD = "the settings are kept, and this version does not read bounces yet"

_CHANGES = typer.Argument(
    None, metavar="[KEY=VALUE]...", help="Settings of config.toml, as log_level=DEBUG."
)
_PASSWORD_FILE = typer.Option(
    None, "--password-file", metavar="FILE", help="Its first line; - is stdin."
)
_PASSWORD_STDIN = typer.Option(False, "--password-stdin", help="Read it from stdin.")
_HOST = typer.Option(None, "--host", "--bounce-imap-host", help="The IMAP server.")
_PORT = typer.Option(
    None, "--port", "-p", "--bounce-imap-port", min=1, max=65535, help="Default 993."
)
_USER = typer.Option(None, "--user", "-u", "--bounce-imap-user", help="For the login.")
_PASSWORD = typer.Option(None, "--password", hidden=True)
_FOLDER = typer.Option(None, "--folder", "-f", "--bounce-imap-folder", help="Default INBOX.")
_RETURN_PATH = typer.Option(
    None, "--return-path", "-r", "--bounce-return-path", help="The address that bounces go to."
)


@app.command()
def show(ctx: typer.Context) -> None:
    """Every setting with its value and its source; secrets are masked.

    The source is environment, config.toml, option, default, or database for what is stored.

    Examples:
      mail-proxy myserver config show
      mail-proxy myserver config show --json
    """
    found = here(ctx)
    told = found.call("getInstance")
    stored, settings = list(_stored(told)), told.get("settings") or ()
    # A stored one that says what the setting says is told by that, which has its source.
    values = {setting["name"]: setting["value"] for setting in settings}
    stored = [each for each in stored if values.get(each["name"], ...) != each["value"]]
    names = {each["name"] for each in stored}
    found.writer.records(_COLUMNS, [*stored, *(s for s in settings if s["name"] not in names)])


def _stored(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in sorted(told):
        if name in _STORED or name.startswith("bounce_"):
            yield {"name": name, "value": told[name], "source": "database"}


@app.command("set")
def set_(
    ctx: typer.Context,
    changes: list[str] | None = _CHANGES,
    name: str | None = typer.Option(None, "--name", "-n", help="What the instance calls itself."),
    bounce_enabled: bool | None = typer.Option(
        None, "--bounce-enabled/--bounce-disabled", help="Read bounces from the mailbox."
    ),
    host: str | None = typer.Option(None, "--bounce-imap-host", help="The IMAP server."),
    port: int | None = typer.Option(None, "--bounce-imap-port", min=1, max=65535),
    user: str | None = typer.Option(None, "--bounce-imap-user", help="For the login."),
    password_file: str | None = typer.Option(
        None, "--bounce-imap-password-file", metavar="FILE", help="Its first line; - is stdin."
    ),
    password: str | None = typer.Option(None, "--bounce-imap-password", hidden=True),
    folder: str | None = typer.Option(None, "--bounce-imap-folder", help="Default INBOX."),
    return_path: str | None = typer.Option(
        None, "--bounce-return-path", help="The address that bounces go to."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would change."),
) -> None:
    """Change settings.

    KEY=VALUE goes to config.toml and counts from the next start; options are stored at once.

    Examples:
      mail-proxy myserver config set log_level=DEBUG port=8025
      mail-proxy myserver config set --name "Mail of the shop"
    """
    found = here(ctx)
    _ = found.instance  # an absent one is told first
    in_file = dict(_parsed(change) for change in changes or ())
    given = PasswordOptions(file=password_file, value=password)
    stored = pairs(
        name=name,
        bounce_enabled=bounce_enabled,
        bounce_imap_host=host,
        bounce_imap_port=port,
        bounce_imap_user=user,
        bounce_imap_password=_password(found, given),
        bounce_imap_folder=folder,
        bounce_return_path=return_path,
    )
    if not in_file and not stored:
        raise CommandFailed(
            "nothing to change: give KEY=VALUE, or an option",
            tries=(f"{found.path} config set --help", f"{found.path} config show"),
            code=ExitCode.USAGE,
        )
    if dry_run:
        names = ", ".join([*in_file, *stored])
        found.writer.would(f"change {names}", settings=[*in_file, *stored])
        return
    if stored:
        _store(found, stored)
    if in_file:
        write_config(found.instance.config_path, in_file)
    found.writer.done({"settings": [*in_file, *stored]}, f"Set {', '.join([*in_file, *stored])}")
    _tell_when(found, list(in_file))


@app.command()
def bounce(
    ctx: typer.Context,
    host: str | None = _HOST,
    port: int | None = _PORT,
    user: str | None = _USER,
    password_file: str | None = _PASSWORD_FILE,
    password_stdin: bool = _PASSWORD_STDIN,
    password: str | None = _PASSWORD,
    folder: str | None = _FOLDER,
    return_path: str | None = _RETURN_PATH,
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would change."),
) -> None:
    """The mailbox that bounces come to; what is not given is asked.

    Examples:
      mail-proxy myserver config bounce --host imap.example.com --user bounces@example.com
    """
    found = here(ctx)
    _ = found.instance
    prompts = found.prompts
    host = host or prompts.text("IMAP server", "--host")
    user = user or prompts.text("User", "--user")
    given = PasswordOptions(password_file, password_stdin, password)
    secret = _password(found, given) or prompts.password("Password")
    if return_path is None and prompts.is_possible:
        return_path = prompts.text("Return path (Enter: none)", "--return-path", may_be_empty=True)
    if dry_run:
        found.writer.would(f"read bounces of '{safe_text(user)}' at {safe_text(host)}")
        return
    stored = pairs(
        bounce_enabled=True,
        bounce_imap_host=host,
        bounce_imap_port=port or 993,
        bounce_imap_user=user,
        bounce_imap_password=secret,
        bounce_imap_folder=folder or "INBOX",
        bounce_return_path=return_path or None,
    )
    _store(found, stored)
    where = f"{safe_text(user)} at {safe_text(host)}:{port or 993}"
    found.writer.done({"settings": list(stored)}, f"Bounces come to {where}")


@app.command()
def check(ctx: typer.Context) -> None:
    """Whether a start would accept config.toml and the environment.

    Examples:
      mail-proxy myserver config check
    """
    found = here(ctx)
    settings = load_settings(found.instance, found.environ)
    notes = list(settings.notes)
    found.writer.done(
        {"valid": True, "notes": notes}, f"The settings of '{found.instance.name}' are good"
    )
    for note in notes:
        found.writer.warn(safe_text(note, 500))


@app.command()
def path(ctx: typer.Context) -> None:
    """Where config.toml is.

    Examples:
      $EDITOR "$(mail-proxy myserver config path)"
    """
    found = here(ctx)
    text = str(found.instance.config_path)
    found.writer.done({"path": text}, text)


def _parsed(change: str) -> tuple[str, str | bool | int | float]:
    """The key and the value for config.toml. Raises CommandFailed (wrong usage)."""
    key, has_value, text = change.partition("=")
    if key == "production" and text in ("true", "false"):
        return key, text == "true"
    variable = BY_KEY.get(key)
    if variable is None or not has_value:
        message = (
            f"'{safe_text(key, 80)}' is no key of config.toml.{did_you_mean(key, list(BY_KEY))}"
            if has_value
            else f"'{safe_text(change, 80)}' has no value: give KEY=VALUE"
        )
        raise CommandFailed(message, tries=("mail-proxy help environment",), code=ExitCode.USAGE)
    try:
        value = variable.kind.parse(text)
    except ValueError as error:
        raise CommandFailed(f"{key} must be {error}", code=ExitCode.USAGE) from error
    # Lists and words are written as they were given; their own reader takes them apart again.
    return key, value if isinstance(value, bool | int | float) else text


def _password(found: Here, given: PasswordOptions) -> str | None:
    if not (given.file or given.from_stdin or given.value is not None):
        return None  # MAIL_PROXY_SMTP_PASSWORD is that of an SMTP account
    return find_password(given, stdin=found.stdin, environ=found.environ, warn=found.writer.warn)


def _store(found: Here, stored: dict[str, Any]) -> None:
    with found.control() as control:
        if (
            stored.get("bounce_enabled")
            and "bounce_imap_host" not in stored
            and not control.call("getInstance").get("bounce_imap_host")
        ):
            raise CommandFailed(
                "bounces cannot be read without a mailbox",
                tries=(f"{found.path} config bounce",),
                code=ExitCode.USAGE,
            )
        control.call("updateInstance", **stored)
        if any(name.startswith("bounce_") for name in stored):
            control.call("reloadBounce")
    if stored.get("bounce_enabled"):
        found.writer.warn(_UNREAD)


def _tell_when(found: Here, keys: Sequence[str]) -> None:
    keys = [key for key in keys if key in BY_KEY]  # the daemon knows no others
    for key in keys:
        for name in BY_KEY[key].names:
            if found.environ.get(name):
                found.writer.warn(f"{name} is set here and wins over {key} in config.toml")
    if keys and found.doors.status(found.instance).is_running:
        found.writer.hint(
            f"It counts from the next start: mail-proxy restart {found.instance.name}"
        )
