"""`NAME connect`: a Python prompt on an instance."""

from __future__ import annotations

from pathlib import Path

import typer

from mail_proxy.cli.doors import Session
from mail_proxy.cli.elsewhere import TOKEN, TOKEN_FILE, URL, instance_of, token_of
from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import here
from mail_proxy.domain.safe_text import safe_text

app = Family()

_FILE = typer.Argument(None, metavar="[FILE.py]", help="Run this program, and leave.")
_CODE = typer.Option(None, "-c", "--code", metavar="CODE", help="Run this, and leave.")


@app.command()
def connect(
    ctx: typer.Context,
    file: str | None = _FILE,
    code: str | None = _CODE,
    plain: bool = typer.Option(False, "--plain", help="Without colours, menus and history."),
    print_http: bool = typer.Option(False, "--print-http", help="Show each request on stderr."),
    url: str | None = URL,
    token_file: str | None = TOKEN_FILE,
    token: str | None = TOKEN,
) -> int:
    """A Python prompt on it, or a script.

    `proxy` is the instance: help(proxy) tells what it can do. Tab completes, ids too. new_tenant(),
    new_account() and new_message() ask for what they need. With -c, a file or a pipe it runs that
    and leaves. A daemon elsewhere wants its token: --token-file, or GMP_API_TOKEN.

    Examples:
      mail-proxy myserver connect
      mail-proxy myserver connect -c 'proxy.messages.errors().save("errors.csv")'
      mail-proxy myserver connect nightly.py
    """
    found = here(ctx)
    if code is not None and file is not None:
        raise CommandFailed("give -c CODE or a file, not both", code=ExitCode.USAGE)
    if file is not None and not Path(file).is_file():
        raise CommandFailed(f"there is no file {safe_text(file, 200)}", code=ExitCode.USAGE)
    session = Session(
        url=url,
        token=token_of(found, token, token_file) if url else None,
        code=code,
        file=file,
        is_plain=plain,
        shows_http=print_http,
    )
    return found.require_faces().repl(instance_of(found, url), found.environ, session)
