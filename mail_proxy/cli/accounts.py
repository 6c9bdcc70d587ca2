"""`NAME TENANT accounts ...`: whose SMTP accounts the mail goes through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from mail_proxy.cli import account_pauses, check
from mail_proxy.cli import account_request as request_
from mail_proxy.cli import oauth2_options as oauth2
from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.spinner import spinner
from mail_proxy.domain.command_line import by_id
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.tables.columns import detail_columns
from mail_proxy.tables.lists import ACCOUNTS

app = Family()
app.command()(account_pauses.pause)
app.command()(account_pauses.resume)


_ID = typer.Argument(..., metavar="ID", help="The account.", callback=request_.remember)


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """The SMTP accounts of a tenant.

    Examples:
      mail-proxy myserver acme accounts list
    """
    found = here(ctx)
    tenant_id = found.require_tenant_id()
    with found.control() as control:
        accounts = control.call("listAccounts", tenant_id=tenant_id)["accounts"]
        if not accounts:
            control.call("getTenant", tenant_id=tenant_id)  # of no such tenant there are none too
    accounts.sort(key=lambda account: str(account["id"]))
    found.writer.records(
        ACCOUNTS, accounts, empty=f"There is no account yet: {found.path} accounts add"
    )


@app.command()
def show(ctx: typer.Context, account_id: str = _ID) -> None:
    """All that is known of an account; never its password.

    Examples:
      mail-proxy myserver acme accounts show smtp-main
    """
    found = here(ctx)
    told = found.call("getAccount", tenant_id=found.require_tenant_id(), account_id=account_id)
    record = told["account"]
    found.writer.record(record, detail_columns(record))
    if record.get("paused_by") == "limit":
        _hint_limits(found, account_id, record.get("limits") or [])


def _hint_limits(found: Here, account_id: str, limits: Sequence[Mapping[str, Any]]) -> None:
    """How to raise those of its own that are reached."""
    for limit in limits:
        if limit["used"] >= limit["limit"]:
            words = by_id(account_id, f"--limit-{limit['window']}", "N")
            found.writer.hint(
                f"More a {limit['window']}: {found.line('accounts', 'update', *words)}"
            )


_HOST = typer.Option(None, "--host", help="The SMTP server.")
_USER = typer.Option(None, "--user", "-u", "--username", help="For the login; '' for none.")
_PASSWORD_FILE = typer.Option(
    None, "--password-file", metavar="FILE", help="Its first line; - is stdin."
)
_PASSWORD_STDIN = typer.Option(False, "--password-stdin", help="Read it from stdin.")
_PASSWORD = typer.Option(None, "--password", hidden=True)
_TLS_MODE = typer.Option(
    None,
    "--tls-mode",
    help="starttls, ssl, none or auto; a new one: auto, "
    "that is ssl on port 465, else STARTTLS where it is offered.",
)
_TLS = typer.Option(None, "--tls/--no-tls", help="ssl on port 465, else starttls; or none.")
_USE_TLS = typer.Option(False, "--use-tls", hidden=True)
_USE_SSL = typer.Option(False, "--use-ssl", hidden=True)
_BATCH_SIZE = typer.Option(None, "--batch-size", min=1, help="Most mails to claim ahead.")
_TTL = typer.Option(None, "--ttl", min=0, help="Seconds that a connection is kept.")
_LIMIT_MINUTE = typer.Option(None, "--limit-minute", min=0, help="Mails a minute; 0: no limit.")
_LIMIT_HOUR = typer.Option(
    None, "--limit-hour", "--hourly-limit", min=0, help="Mails an hour; 0: no limit."
)
_LIMIT_DAY = typer.Option(
    None, "--limit-day", "--daily-limit", min=0, help="Mails a day; 0: no limit."
)
_LIMIT_BEHAVIOR = typer.Option(
    None, "--limit-behavior", help="What mail beyond a limit does: wait (defer) or fail (reject)."
)
_MAX_RETRIES = typer.Option(None, "--max-retries", min=0, max=1000, help="Tries after the first.")
_RETRY_DELAYS = typer.Option(
    None, "--retry-delays", metavar="TIMES", help="The waits before them: 60s,5m,1h; '' for none."
)
_MAX_AGE = typer.Option(
    None, "--max-age", metavar="TIME", help="Give up after: 30m, 12h, 5d; 0: as the instance says."
)
_IN_DOUBT = typer.Option(
    None, "--in-doubt", help="Mail whose final reply was lost: resend it, or hold it for you."
)


@app.command()
def add(
    ctx: typer.Context,
    account_id: str | None = typer.Argument(
        None, metavar="[ID]", help="Without it, you are asked."
    ),
    id_: str | None = typer.Option(None, "--id", hidden=True),
    host: str | None = _HOST,
    port: int | None = typer.Option(None, "--port", "-p", min=1, max=65535, help="Default 587."),
    user: str | None = _USER,
    password_file: str | None = _PASSWORD_FILE,
    password_stdin: bool = _PASSWORD_STDIN,
    password: str | None = _PASSWORD,
    auth_method: str | None = oauth2.METHOD,
    oauth2_provider: str | None = oauth2.PROVIDER,
    oauth2_token_url: str | None = oauth2.TOKEN_URL,
    oauth2_client_id: str | None = oauth2.CLIENT_ID,
    oauth2_tenant: str | None = oauth2.TENANT,
    oauth2_scope: str | None = oauth2.SCOPE,
    oauth2_secret_file: str | None = oauth2.SECRET_FILE,
    oauth2_refresh_file: str | None = oauth2.REFRESH_FILE,
    tls_mode: str | None = _TLS_MODE,
    tls: bool | None = _TLS,
    use_tls: bool = _USE_TLS,
    use_ssl: bool = _USE_SSL,
    batch_size: int | None = _BATCH_SIZE,
    ttl: int | None = _TTL,
    limit_minute: int | None = _LIMIT_MINUTE,
    limit_hour: int | None = _LIMIT_HOUR,
    limit_day: int | None = _LIMIT_DAY,
    limit_behavior: str | None = _LIMIT_BEHAVIOR,
    max_retries: int | None = _MAX_RETRIES,
    retry_delays: str | None = _RETRY_DELAYS,
    max_age: str | None = _MAX_AGE,
    in_doubt: str | None = _IN_DOUBT,
    default: bool = typer.Option(False, "--default", help="For messages that name no account."),
    replace: bool = typer.Option(False, "--replace", help="Change one that is there; see update."),
) -> None:
    """Add an SMTP account.

    Without ID or --host, on a terminal, a form asks for what is missing. The password is asked for
    without echo, or read from --password-file, --password-stdin or MAIL_PROXY_SMTP_PASSWORD.

    Examples:
      mail-proxy myserver acme accounts add
      mail-proxy myserver acme accounts add main --host smtp.example.com --user me@example.com
      mail-proxy myserver acme accounts add o365 --host smtp.office365.com --user me@example.com \\
          --oauth2-provider microsoft --oauth2-tenant example.com --oauth2-client-id ID
    """
    found = here(ctx)
    tenant_id = found.require_tenant_id()
    given = {
        "id": account_id or id_,
        "host": host,
        "port": port,
        "user": user,
        **oauth2.answers(
            found,
            method=auth_method,
            provider=oauth2_provider,
            token_url=oauth2_token_url,
            client_id=oauth2_client_id,
            tenant=oauth2_tenant,
            scope=oauth2_scope,
            secret_file=oauth2_secret_file,
            refresh_file=oauth2_refresh_file,
        ),
        "tls_mode": request_.tls_mode(
            tls_mode, port=port, tls=tls, use_tls=use_tls, use_ssl=use_ssl
        ),
        "batch_size": batch_size,
        "ttl": ttl,
        "limit_per_minute": limit_minute,
        "limit_per_hour": limit_hour,
        "limit_per_day": limit_day,
        "limit_behavior": limit_behavior,
        "max_retries": max_retries,
        "retry_delays": request_.retry_delays(retry_delays),
        "max_age": max_age,
        "in_doubt": in_doubt,
        "is_default": default or None,
        "password": request_.read_password(
            found, password_file, password, from_stdin=password_stdin
        ),
    }
    answers = request_.checked_answers(given)
    if replace and "id" in answers:
        old = request_.find(found, tenant_id, answers["id"])
        if old is not None:
            request_.change(found, tenant_id, old, answers)
            return
    request = request_.completed(found, answers)
    request_.save_new(found, tenant_id, request)
    was_asked = "id" not in answers or "host" not in answers
    if was_asked and found.prompts.offer("Test the login now?"):
        _check(found, tenant_id, str(request["id"]))


@app.command()
def update(
    ctx: typer.Context,
    account_id: str = _ID,
    host: str | None = _HOST,
    port: int | None = typer.Option(None, "--port", "-p", min=1, max=65535, help="Its port."),
    user: str | None = _USER,
    password_file: str | None = _PASSWORD_FILE,
    password_stdin: bool = _PASSWORD_STDIN,
    password: str | None = _PASSWORD,
    auth_method: str | None = oauth2.METHOD,
    oauth2_provider: str | None = oauth2.PROVIDER,
    oauth2_token_url: str | None = oauth2.TOKEN_URL,
    oauth2_client_id: str | None = oauth2.CLIENT_ID,
    oauth2_tenant: str | None = oauth2.TENANT,
    oauth2_scope: str | None = oauth2.SCOPE,
    oauth2_secret_file: str | None = oauth2.SECRET_FILE,
    oauth2_refresh_file: str | None = oauth2.REFRESH_FILE,
    tls_mode: str | None = _TLS_MODE,
    tls: bool | None = _TLS,
    use_tls: bool = _USE_TLS,
    use_ssl: bool = _USE_SSL,
    batch_size: int | None = _BATCH_SIZE,
    ttl: int | None = _TTL,
    limit_minute: int | None = _LIMIT_MINUTE,
    limit_hour: int | None = _LIMIT_HOUR,
    limit_day: int | None = _LIMIT_DAY,
    limit_behavior: str | None = _LIMIT_BEHAVIOR,
    max_retries: int | None = _MAX_RETRIES,
    retry_delays: str | None = _RETRY_DELAYS,
    max_age: str | None = _MAX_AGE,
    in_doubt: str | None = _IN_DOUBT,
    default: bool | None = typer.Option(
        None, "--default/--no-default", help="For messages that name no account."
    ),
) -> None:
    """Change what is given of an SMTP account, and nothing else.

    Examples:
      mail-proxy myserver acme accounts update main --tls-mode starttls
      mail-proxy myserver acme accounts update main --host smtp2.example.com --port 465
    """
    found = here(ctx)
    tenant_id = found.require_tenant_id()
    given = {
        "host": host,
        "port": port,
        "user": user,
        **oauth2.answers(
            found,
            method=auth_method,
            provider=oauth2_provider,
            token_url=oauth2_token_url,
            client_id=oauth2_client_id,
            tenant=oauth2_tenant,
            scope=oauth2_scope,
            secret_file=oauth2_secret_file,
            refresh_file=oauth2_refresh_file,
        ),
        "tls_mode": request_.tls_mode(
            tls_mode, port=port, tls=tls, use_tls=use_tls, use_ssl=use_ssl
        ),
        "batch_size": batch_size,
        "ttl": ttl,
        "limit_per_minute": limit_minute,
        "limit_per_hour": limit_hour,
        "limit_per_day": limit_day,
        "limit_behavior": limit_behavior,
        "max_retries": max_retries,
        "retry_delays": request_.retry_delays(retry_delays),
        "max_age": max_age,
        "in_doubt": in_doubt,
        "is_default": default,
        # The variable is meant for new accounts: here it could change a password unseen.
        "password": request_.read_password(
            found, password_file, password, from_stdin=password_stdin, environ={}
        ),
    }
    answers = request_.checked_answers(given)
    request_.need_something(found, answers)
    request_.change(found, tenant_id, request_.existing(found, tenant_id, account_id), answers)


@app.command("set-password")
def set_password(
    ctx: typer.Context,
    account_id: str = _ID,
    password_file: str | None = _PASSWORD_FILE,
    password_stdin: bool = _PASSWORD_STDIN,
) -> None:
    """Give an SMTP account another password.

    It is asked for without echo, or read from --password-file, --password-stdin or
    MAIL_PROXY_SMTP_PASSWORD.

    Examples:
      mail-proxy myserver acme accounts set-password main
    """
    found = here(ctx)
    tenant_id = found.require_tenant_id()
    old = request_.existing(found, tenant_id, account_id)
    if not old.get("user"):
        raise CommandFailed(
            f"account '{account_id}' has no user, so it does not log in",
            tries=(found.line("accounts", "update", *by_id(account_id, "--user", "USER")),),
            code=ExitCode.USAGE,
        )
    if old.get("auth_method") == "oauth2":
        raise CommandFailed(
            f"account '{account_id}' logs in with access tokens, not with a password",
            tries=(
                found.line(
                    "accounts", "update", *by_id(account_id, "--oauth2-refresh-file", "FILE")
                ),
                found.line("accounts", "update", *by_id(account_id, "--auth-method", "password")),
            ),
            code=ExitCode.USAGE,
        )
    password = request_.read_password(found, password_file, None, from_stdin=password_stdin)
    password = password or found.prompts.password(f"New password of {safe_text(old['user'], 255)}")
    request_.change(found, tenant_id, old, request_.checked_answers({"password": password}))


@app.command()
def delete(
    ctx: typer.Context,
    account_id: str = _ID,
    force: bool = typer.Option(False, "--force", "-f", help="Do not ask."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would go."),
) -> None:
    """Delete an SMTP account.

    Examples:
      mail-proxy myserver acme accounts delete smtp-main
    """
    found = here(ctx)
    tenant_id = found.require_tenant_id()
    found.call("getAccount", tenant_id=tenant_id, account_id=account_id)
    what = f"account '{safe_text(account_id, 80)}' of '{tenant_id}'"
    if dry_run:
        found.writer.would(f"delete {what}")
        return
    which = {"tenant_id": tenant_id, "account_id": account_id}
    found.prompts.confirm_command("deleteAccount", given=force, **which)
    found.call("deleteAccount", **which)
    found.writer.done({"id": account_id, "tenant_id": tenant_id}, f"Deleted {what}")


@app.command("check")
def check_(ctx: typer.Context, account_id: str = _ID) -> int:
    """Connect and log in, step by step; no mail is sent.

    Exit 1 when a step failed; it is named.

    Examples:
      mail-proxy myserver acme accounts check smtp-main
    """
    found = here(ctx)
    return _check(found, found.require_tenant_id(), account_id)


def _check(found: Here, tenant_id: str, account_id: str) -> int:
    with spinner(found.writer, "waiting for the mail server"):
        told = found.call("checkAccount", tenant_id=tenant_id, account_id=account_id)
    return check.print_report(found, told["report"], account_id)
