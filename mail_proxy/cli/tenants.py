"""`NAME tenants ...`: who posts mail to an instance."""

from __future__ import annotations

from typing import Any

import typer

from mail_proxy.cli import keys
from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.forms import ask_form, checked
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.tenant_login import auth_answers, complete, find_secret
from mail_proxy.cli.webhook_secret import webhook_secret
from mail_proxy.control.base import SyncControl
from mail_proxy.domain import units
from mail_proxy.domain.command_line import command_line
from mail_proxy.domain.errors import Conflict
from mail_proxy.domain.limits import changed_limits
from mail_proxy.domain.report_url import DEFAULT_SYNC_PATH
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.forms.tenant import TENANT_FORM
from mail_proxy.forms.tenant import request as tenant_request
from mail_proxy.tables.columns import detail_columns
from mail_proxy.tables.lists import TENANTS, tenant_row

app = Family()
app.add_typer(keys.app, name="keys")
app.command("webhook-secret")(webhook_secret)


_ID = typer.Argument(..., metavar="ID", help="The tenant.")
_NAME = typer.Option(None, "--name", "-n", help="For people.")
_BASE_URL = typer.Option(None, "--base-url", help="The application; reports go there.")
_SYNC_PATH = typer.Option(
    None, "--sync-path", help=f"Where reports go, below the URL; default {DEFAULT_SYNC_PATH}."
)
_ATTACHMENT_PATH = typer.Option(
    None, "--attachment-path", help="Where files come from; default /mail-proxy/attachments."
)
_AUTH_METHOD = typer.Option(None, "--auth-method", help="none, bearer or basic.")
_AUTH_USER = typer.Option(None, "--auth-user", help="User for basic.")
_AUTH_FILE = typer.Option(
    None, "--auth-secret-file", metavar="FILE", help="Token or password; - is stdin."
)
_AUTH_TOKEN = typer.Option(None, "--auth-token", hidden=True)
_AUTH_PASSWORD = typer.Option(None, "--auth-password", hidden=True)
_MINUTE = typer.Option(None, "--rate-limit-minute", min=0, help="Mails a minute; 0: no limit.")
_HOURLY = typer.Option(None, "--rate-limit-hourly", min=0, help="Mails an hour; 0: no limit.")
_DAILY = typer.Option(None, "--rate-limit-daily", min=0, help="Mails a day; 0: no limit.")
_QUEUED = typer.Option(None, "--max-queued", min=0, help="Unfinished mails at a time; 0: no limit.")
_REQUESTS = typer.Option(
    None, "--max-requests-per-minute", min=0, help="Requests of its keys; 0: no limit."
)
_FOLDERS = typer.Option(
    None,
    "--attachment-folder",
    metavar="FOLDER",
    help="Files below it may be attached; may be given again. Empty takes all back.",
)


@app.command("list")
def list_(
    ctx: typer.Context,
    active_only: bool = typer.Option(False, "--active-only", "-a", help="No inactive ones."),
) -> None:
    """The tenants of an instance.

    Examples:
      mail-proxy myserver tenants list
      mail-proxy myserver tenants list --json
    """
    found = here(ctx)
    told = found.call("listTenants", active_only=active_only)
    tenants = sorted(told["tenants"], key=lambda tenant: str(tenant["id"]))
    records = [tenant_row(tenant) for tenant in tenants]
    none = "No tenant is active." if active_only else "No tenants yet."
    found.writer.records(TENANTS, records, empty=f"{none} Add one: {found.path} tenants add acme")


@app.command()
def show(ctx: typer.Context, tenant_id: str = _ID) -> None:
    """All that is known of a tenant; its secrets are masked.

    Examples:
      mail-proxy myserver tenants show acme
    """
    found = here(ctx)
    print_tenant(found, tenant_id)


def print_tenant(found: Here, tenant_id: str) -> dict[str, Any]:
    """Its record, which it returns."""
    found.tenant_id = tenant_id
    record = _without_ok(found.call("getTenant", tenant_id=tenant_id))
    found.writer.record(record, detail_columns(record))
    return record


@app.command()
def add(
    ctx: typer.Context,
    tenant_id: str | None = typer.Argument(None, metavar="[ID]", help="Without it, you are asked."),
    id_: str | None = typer.Option(None, "--id", hidden=True),
    name: str | None = _NAME,
    base_url: str | None = _BASE_URL,
    sync_path: str | None = _SYNC_PATH,
    attachment_path: str | None = _ATTACHMENT_PATH,
    auth_method: str | None = _AUTH_METHOD,
    auth_user: str | None = _AUTH_USER,
    auth_secret_file: str | None = _AUTH_FILE,
    auth_token: str | None = _AUTH_TOKEN,
    auth_password: str | None = _AUTH_PASSWORD,
    rate_limit_minute: int | None = _MINUTE,
    rate_limit_hourly: int | None = _HOURLY,
    rate_limit_daily: int | None = _DAILY,
    max_queued: int | None = _QUEUED,
    max_requests_per_minute: int | None = _REQUESTS,
    attachment_folder: list[str] | None = _FOLDERS,
    inactive: bool = typer.Option(False, "--inactive", help="Its mail waits, its key is refused."),
) -> None:
    """Add a tenant, and show its key once.

    Without ID, on a terminal, a form asks for what is needed.

    Examples:
      mail-proxy myserver tenants add
      mail-proxy myserver tenants add acme --base-url https://app.example.com
    """
    found = here(ctx)
    secret = find_secret(found, auth_secret_file, auth_token, auth_password)
    given = {
        "id": tenant_id or id_,
        "name": name,
        "client_base_url": base_url,
        "client_sync_path": sync_path,
        "client_attachment_path": attachment_path,
        **auth_answers(auth_method, auth_user, secret),
        "rate_limits": _rate_limits(rate_limit_minute, rate_limit_hourly, rate_limit_daily),
        "max_queued": max_queued,
        "max_requests_per_minute": max_requests_per_minute,
        "attachment_folders": _folders(attachment_folder),
        "active": False if inactive else None,
    }
    answers = checked(TENANT_FORM, given, _OPTIONS)
    if "id" in answers:
        request = tenant_request(answers)
        complete(request.get("client_auth") or {}, dict)
    else:
        request = ask_form(found, TENANT_FORM, answers, needed="the id: tenants add ID")
    _save_new(found, request)


def _save_new(found: Here, request: dict[str, Any]) -> None:
    tenant_id = str(request["id"])
    try:
        told = found.call("addTenant", only_new=True, **request)
    except Conflict as error:
        raise CommandFailed(
            str(error),
            tries=(command_line(found.instance_name, "tenants", "update", "--help"),),
            code=ExitCode.CONFLICT,
        ) from error
    key = told.get("api_key")
    # The key is never shown again, so not even -q may swallow it.
    text = str(key) if found.options.quiet else f"Added tenant '{tenant_id}'\nAPI key: {key}"
    found.writer.done({"id": tenant_id, "api_key": key}, text)
    found.writer.hint(
        "The key is shown this once; the application sends it as X-API-Token.\n"
        f"  {command_line(found.instance_name, tenant_id, 'accounts', 'add')}"
    )


@app.command()
def update(
    ctx: typer.Context,
    tenant_id: str = _ID,
    name: str | None = _NAME,
    base_url: str | None = _BASE_URL,
    sync_path: str | None = _SYNC_PATH,
    attachment_path: str | None = _ATTACHMENT_PATH,
    auth_method: str | None = _AUTH_METHOD,
    auth_user: str | None = _AUTH_USER,
    auth_secret_file: str | None = _AUTH_FILE,
    auth_token: str | None = _AUTH_TOKEN,
    auth_password: str | None = _AUTH_PASSWORD,
    rate_limit_minute: int | None = _MINUTE,
    rate_limit_hourly: int | None = _HOURLY,
    rate_limit_daily: int | None = _DAILY,
    max_queued: int | None = _QUEUED,
    max_requests_per_minute: int | None = _REQUESTS,
    attachment_folder: list[str] | None = _FOLDERS,
    active: bool | None = typer.Option(None, "--active/--inactive", help="Whether it may send."),
) -> None:
    """Change what is given, and nothing else.

    Examples:
      mail-proxy myserver tenants update acme --name "Acme Ltd"
      mail-proxy myserver tenants update acme --inactive
    """
    found = here(ctx)
    found.tenant_id = tenant_id
    secret = find_secret(found, auth_secret_file, auth_token, auth_password)
    given = {
        "name": name,
        "client_base_url": base_url,
        "client_sync_path": sync_path,
        "client_attachment_path": attachment_path,
        **auth_answers(auth_method, auth_user, secret),
        "rate_limits": _rate_limits(rate_limit_minute, rate_limit_hourly, rate_limit_daily),
        "max_queued": max_queued,
        "max_requests_per_minute": max_requests_per_minute,
        "attachment_folders": _folders(attachment_folder),
        "active": active,
    }
    request = tenant_request(checked(TENANT_FORM, given, _OPTIONS))
    if not request:
        raise CommandFailed(
            "nothing to change was given",
            tries=(f"mail-proxy {found.instance_name} tenants update --help",),
            code=ExitCode.USAGE,
        )
    with found.control() as control:
        auth = request.get("client_auth")
        if auth:
            complete(auth, lambda: _stored_auth(control, tenant_id))
        if limits := request.get("rate_limits"):  # the server replaces them as a whole
            stored = control.call("getTenant", tenant_id=tenant_id).get("rate_limits")
            request["rate_limits"] = changed_limits(stored, limits)
        control.call("updateTenant", tenant_id=tenant_id, **request)
    changed = sorted(request)
    found.writer.done(
        {"id": tenant_id, "changed": changed}, f"Changed tenant '{tenant_id}': {', '.join(changed)}"
    )


def _stored_auth(control: SyncControl, tenant_id: str) -> dict[str, Any]:
    return control.call("getTenant", tenant_id=tenant_id).get("client_auth") or {}


@app.command()
def delete(
    ctx: typer.Context,
    tenant_id: str = _ID,
    confirm: str | None = typer.Option(None, "--confirm", metavar="ID", help="Its id once more."),
    force: bool = typer.Option(False, "--force", "-f", help="Do not ask."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would go."),
) -> None:
    """Delete a tenant with its accounts, its messages, its keys and its folder of attachments.

    Examples:
      mail-proxy myserver tenants delete acme
      mail-proxy myserver tenants delete acme --confirm acme
    """
    found = here(ctx)
    found.tenant_id = tenant_id
    with found.control() as control:
        control.call("getTenant", tenant_id=tenant_id)
        pending = int(control.call("getStatus", tenant_id=tenant_id).get("pending_messages", 0))
    shown = safe_text(tenant_id, 80)
    what = f"tenant '{shown}' with its accounts and keys; {units.waiting(pending)}"
    if dry_run:
        found.writer.would(f"delete {what}", id=tenant_id, pending_messages=pending)
        return
    question = f"Delete {what}?"
    if pending:
        found.prompts.confirm_name(question, tenant_id, confirmed=confirm, forced=force)
    else:
        found.prompts.confirm(question, given=force or confirm == tenant_id)
    found.call("deleteTenant", tenant_id=tenant_id)
    found.writer.done({"id": tenant_id, "deleted": True}, f"Deleted tenant '{shown}'")


_OPTIONS = {
    "id": "ID",
    "name": "--name",
    "client_base_url": "--base-url",
    "auth_method": "--auth-method",
    "auth_token": "the token",
    "auth_user": "--auth-user",
    "auth_password": "the password",
}


def _rate_limits(
    minute: int | None, hourly: int | None, daily: int | None
) -> dict[str, int] | None:
    named = {"per_minute": minute, "hourly": hourly, "daily": daily}
    return {name: most for name, most in named.items() if most is not None} or None


def _without_ok(told: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in told.items() if key != "ok"}


def _folders(given: list[str] | None) -> list[str] | None:
    return [folder for folder in given if folder] if given else None
