"""`NAME TENANT accounts ...`: whose SMTP accounts the mail goes through."""

from __future__ import annotations

from typing import Any

import typer

from mail_proxy.cli import check
from mail_proxy.cli.columns import Column, detail_columns, show_age, show_until
from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.forms import ask_form, checked
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.passwords import PasswordOptions, find_password
from mail_proxy.domain.errors import NotFound
from mail_proxy.forms.account import ACCOUNT_FORM

app = Family()

COLUMNS = (
    Column("id", is_id=True),
    Column("host"),
    Column("port", right=True),
    Column("tls_mode", "tls", drop=3),
    Column("user", drop=2),
    Column("is_default", "default", drop=5),
    Column("paused_until_ts", "paused", show_until, right=True),
    Column("paused_reason", "why", drop=1),
    Column("created_at", "age", show_age, drop=4, right=True),
)

_ID = typer.Argument(..., metavar="ID", help="The account.")


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
        COLUMNS, accounts, empty=f"There is no account yet: {found.path} accounts add"
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


@app.command()
def add(
    ctx: typer.Context,
    account_id: str | None = typer.Argument(
        None, metavar="[ID]", help="Without it, you are asked."
    ),
    id_: str | None = typer.Option(None, "--id", hidden=True),
    host: str | None = typer.Option(None, "--host", help="The SMTP server."),
    port: int | None = typer.Option(None, "--port", "-p", min=1, max=65535, help="Default 587."),
    user: str | None = typer.Option(None, "--user", "-u", "--username", help="For the login."),
    password_file: str | None = typer.Option(
        None, "--password-file", metavar="FILE", help="Its first line; - is stdin."
    ),
    password_stdin: bool = typer.Option(False, "--password-stdin", help="Read it from stdin."),
    password: str | None = typer.Option(None, "--password", hidden=True),
    tls_mode: str | None = typer.Option(None, "--tls-mode", help="starttls, ssl, none or auto."),
    tls: bool | None = typer.Option(None, "--tls/--no-tls", help="ssl on port 465, else starttls."),
    use_tls: bool = typer.Option(False, "--use-tls", hidden=True),
    use_ssl: bool = typer.Option(False, "--use-ssl", hidden=True),
    batch_size: int | None = typer.Option(None, "--batch-size", min=1, help="Mails in one turn."),
    ttl: int | None = typer.Option(None, "--ttl", min=0, help="Seconds that a connection is kept."),
    limit_minute: int | None = typer.Option(None, "--limit-minute", min=0, help="Mails a minute."),
    limit_hour: int | None = typer.Option(
        None, "--limit-hour", "--hourly-limit", min=0, help="Mails an hour."
    ),
    limit_day: int | None = typer.Option(
        None, "--limit-day", "--daily-limit", min=0, help="Mails a day."
    ),
    limit_behavior: str | None = typer.Option(None, "--limit-behavior", help="defer or reject."),
    default: bool = typer.Option(False, "--default", help="For messages that name no account."),
    replace: bool = typer.Option(False, "--replace", help="Take the place of one with this id."),
) -> None:
    """Add an SMTP account.

    Without ID or --host, on a terminal, a form asks for what is missing. The password is asked for
    without echo, or read from --password-file, --password-stdin or MAIL_PROXY_SMTP_PASSWORD.

    Examples:
      mail-proxy myserver acme accounts add
      mail-proxy myserver acme accounts add main --host smtp.example.com --user me@example.com
    """
    found = here(ctx)
    tenant_id = found.require_tenant_id()
    given = {
        "id": account_id or id_,
        "host": host,
        "port": port,
        "user": user,
        "tls_mode": tls_mode or _tls_mode(tls, port, use_tls=use_tls, use_ssl=use_ssl),
        "batch_size": batch_size,
        "ttl": ttl,
        "limit_per_minute": limit_minute,
        "limit_per_hour": limit_hour,
        "limit_per_day": limit_day,
        "limit_behavior": limit_behavior,
        "is_default": default or None,
        "password": find_password(
            PasswordOptions(password_file, password_stdin, password),
            stdin=found.stdin,
            environ=found.environ,
            warn=found.writer.warn,
        ),
    }
    answers = checked(ACCOUNT_FORM, given, _OPTIONS)
    request = _completed(found, answers)
    _save(found, tenant_id, request, replace=replace)
    was_asked = "id" not in answers or "host" not in answers
    if was_asked and found.prompts.offer("Test the login now?"):
        _check(found, tenant_id, str(request["id"]))


def _completed(found: Here, answers: dict[str, Any]) -> dict[str, Any]:
    """The request: by the form when the id or the host is missing, else with a password asked."""
    if "id" not in answers or "host" not in answers:
        return ask_form(
            found, ACCOUNT_FORM, answers, needed="the id and --host: accounts add ID --host HOST"
        )
    answers.setdefault("port", 587)
    if answers.get("user") and "password" not in answers:
        answers["password"] = found.prompts.password(f"Password of {answers['user']}")
    return ACCOUNT_FORM.request(answers)


def _tls_mode(tls: bool | None, port: int | None, *, use_tls: bool, use_ssl: bool) -> str | None:
    if use_ssl:
        return "ssl"
    if use_tls or tls:
        return "ssl" if port == 465 else "starttls"
    return "none" if tls is False else None


def _save(found: Here, tenant_id: str, request: dict[str, Any], *, replace: bool) -> None:
    account_id = str(request["id"])
    with found.control() as control:
        if not replace and _exists(control.call, tenant_id, account_id):
            raise CommandFailed(
                f"account '{account_id}' already exists in '{tenant_id}'",
                tries=(f"{found.path} accounts add {account_id} --replace ...",),
                code=ExitCode.CONFLICT,
            )
        control.call("addAccount", tenant_id=tenant_id, **request)
    if found.writer.format not in ("table", "plain"):
        record = {"id": account_id, "tenant_id": tenant_id}
        found.writer.record(record, [Column("id"), Column("tenant_id")])
        return
    found.writer.line(account_id if found.options.quiet else f"Added account '{account_id}'")
    found.writer.hint(
        f"Does it work?  {found.path} accounts check {account_id}\n"
        f"Send a mail:   {found.path} send hello.eml --account {account_id}"
    )


def _exists(call: Any, tenant_id: str, account_id: str) -> bool:
    call(
        "getTenant", tenant_id=tenant_id
    )  # an absent tenant is another error than an absent account
    try:
        call("getAccount", tenant_id=tenant_id, account_id=account_id)
    except NotFound:
        return False
    return True


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
    what = f"account '{account_id}' of '{tenant_id}'"
    if dry_run:
        found.writer.line(f"would delete {what}")
        return
    found.prompts.confirm(f"Delete {what}? Mail that waits for it cannot go.", given=force)
    found.call("deleteAccount", tenant_id=tenant_id, account_id=account_id)
    found.writer.line(f"Deleted {what}")


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
    told = found.call("checkAccount", tenant_id=tenant_id, account_id=account_id)
    return check.print_report(found, told["report"], account_id)


_OPTIONS = {
    "id": "ID",
    "host": "--host",
    "user": "--user",
    "tls_mode": "--tls-mode",
    "password": "the password",
}
