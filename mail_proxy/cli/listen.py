"""`mail-proxy listen`: a receiver of reports, for people who write the receiving end."""

from __future__ import annotations

from pathlib import Path

import typer

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.safe_text import safe_text

app = Family()

PORT = 8900
_SECRETS = typer.Option(
    None, "--secret", metavar="whsec_...", help="What signs the reports; both while it is replaced."
)
_SECRET_FILE = typer.Option(
    None, "--secret-file", metavar="FILE", help="The same, one a line; - is stdin."
)


@app.command()
def listen(
    ctx: typer.Context,
    port: int = typer.Option(PORT, "--port", "-p", min=0, max=65535, help="0: a free one."),
    host: str = typer.Option("127.0.0.1", "--host", help="The address to listen on."),
    secret: list[str] = _SECRETS,
    secret_file: str | None = _SECRET_FILE,
    answer: str = typer.Option(
        "ok", "--answer", help="ok, error (ok: false), hang, drop, cut, or a status such as 500."
    ),
) -> int:
    """Take delivery reports, verify and print them, and answer each, until Ctrl-C.

    It listens on this machine only. With a secret, a report that is not signed by it gets 401.

    Examples:
      mail-proxy listen
      mail-proxy listen --secret whsec_... --answer 500
      mail-proxy listen --json > reports.jsonl
    """
    found = here(ctx)
    secrets = [*(secret or []), *_read(found, secret_file)]
    _check(secrets)
    from mail_proxy.cli.listener import answer_named, run_listener  # aiohttp: for this alone

    try:
        chosen = answer_named(answer)
    except ValueError:
        raise CommandFailed(
            f"--answer: '{safe_text(answer, 40)}' is none of ok, error, hang, drop, cut, "
            "and no status from 200 to 599",
            code=ExitCode.USAGE,
        ) from None
    try:
        run_listener(found.writer, host=host, port=port, secrets=secrets, answer=chosen)
    except OSError as error:
        raise CommandFailed(
            f"cannot listen on {safe_text(host, 80)}:{port}: {error.strerror or error}",
            tries=("mail-proxy listen --port 0",),
            code=ExitCode.FAILED,
        ) from error
    return ExitCode.DONE


def _read(found: Here, name: str | None) -> list[str]:
    if name is None:
        return []
    try:
        text = found.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(
            f"cannot read --secret-file {safe_text(name, 200)}", code=ExitCode.USAGE
        ) from error
    return text.split()


def _check(secrets: list[str]) -> None:
    from mail_proxy.domain.webhook import key_of

    for secret in secrets:
        try:
            key_of(secret)
        except Invalid as error:
            raise CommandFailed(f"--secret: {error}", code=ExitCode.USAGE) from None
