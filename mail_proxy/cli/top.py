"""`NAME top`: the dashboard."""

from __future__ import annotations

import shutil

import typer

from mail_proxy.cli.doors import Watch
from mail_proxy.cli.elsewhere import TOKEN, TOKEN_FILE, URL, instance_of, token_of
from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here

app = Family()

_INTERVALS = (1, 2, 5, 10, 30, 60)
_ASCII = typer.Option(
    None, "--ascii/--no-ascii", help="Plain characters; default: where the locale is not UTF-8."
)


@app.command()
def top(
    ctx: typer.Context,
    tenant: str | None = typer.Option(None, metavar="ID", help="Show this tenant alone."),
    interval: int = typer.Option(1, metavar="SECONDS", help="1, 2, 5, 10, 30 or 60."),
    once: bool = typer.Option(False, "--once", help="Print one frame as text."),
    read_only: bool = typer.Option(False, "--read-only", help="Offer no action."),
    ascii_: bool | None = _ASCII,
    url: str | None = URL,
    token_file: str | None = TOKEN_FILE,
    token: str | None = TOKEN,
) -> int:
    """Watch the queue live, and act on it.

    q leaves it, ? tells the keys. Without a daemon it shows what is in the database, and can start
    one. A daemon elsewhere wants its token: --token-file, or GMP_API_TOKEN. `dashboard` and `ui`
    are other words for it.

    Examples:
      mail-proxy myserver top
      mail-proxy myserver top --tenant acme --interval 5
      mail-proxy myserver top --once
      mail-proxy myserver top --url https://mail.example.org --token-file token
    """
    found = here(ctx)
    instance = instance_of(found, url)
    if interval not in _INTERVALS:
        raise typer.BadParameter("--interval takes 1, 2, 5, 10, 30 or 60")
    if not once:
        _require_terminal(found)
    size = shutil.get_terminal_size()
    watch = Watch(
        tenant_id=tenant or found.tenant_id or None,
        interval_s=interval,
        once=once,
        read_only=read_only,
        ascii=ascii_,
        size=(size.columns, size.lines),
        url=url,
        token=token_of(found, token, token_file) if url else None,
        token_file=token_file if url and token is None else None,
    )
    return found.require_faces().dashboard(instance, found.environ, watch)


def _require_terminal(found: Here) -> None:
    """On a pipe it would write escape codes into it, and wait for keys for ever."""
    if found.stdin.isatty() and found.writer.stdout.isatty():
        return
    raise CommandFailed(
        "top needs a terminal",
        tries=(f"mail-proxy {found.instance_name} top --once",),
        code=ExitCode.USAGE,
    )
