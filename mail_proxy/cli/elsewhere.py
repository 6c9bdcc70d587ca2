"""A daemon elsewhere: `--url`, and where its token comes from."""

from __future__ import annotations

import typer

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.here import Here
from mail_proxy.cli.passwords import PasswordOptions, find_password
from mail_proxy.config.instances import Instance, instance_named

URL = typer.Option(None, "--url", "-u", help="A daemon elsewhere.")
TOKEN_FILE = typer.Option(
    None, "--token-file", metavar="FILE", help="The token for --url; its first line."
)
TOKEN = typer.Option(None, "--token", "-t", hidden=True)
ADMIN_TOKEN = "GMP_API_TOKEN"  # noqa: S105 - the name of a variable


def instance_of(found: Here, url: str | None) -> Instance:
    """With a URL its name is only a name: the instance is elsewhere."""
    return instance_named(found.instance_name, found.root) if url else found.instance


def token_of(found: Here, given: str | None, file: str | None) -> str:
    """The token; of a file its first line. Raises CommandFailed where there is none."""
    options = PasswordOptions(
        file=file,
        value=given,
        what="the token",
        option="--token",
        instead="--token-file",
        variable=ADMIN_TOKEN,
    )
    token = find_password(options, stdin=found.stdin, environ=found.environ, warn=found.writer.warn)
    if not token or not token.strip():
        raise CommandFailed(
            f"--url needs a token: give --token-file, or {ADMIN_TOKEN}", code=ExitCode.USAGE
        )
    return token.strip()
