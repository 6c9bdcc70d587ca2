"""`NAME tenants keys ...`: the keys of a tenant; several, so that one can replace the other."""

from __future__ import annotations

import typer

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.domain.command_line import by_id, command_line
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.forms.checks import span
from mail_proxy.forms.fields import BadAnswer
from mail_proxy.tables.lists import KEYS

app = Family(help="List, add and revoke the keys of a tenant.")


_ID = typer.Argument(..., metavar="ID", help="The tenant.")


@app.command("list")
def list_(ctx: typer.Context, tenant_id: str = _ID) -> None:
    """The keys of a tenant; their last use is some minutes late.

    Examples:
      mail-proxy myserver tenants keys list acme
    """
    found = _about(ctx, tenant_id)
    print_keys(found)


def print_keys(found: Here) -> None:
    keys = found.call("listTenantKeys", tenant_id=found.tenant_id)["keys"]
    add = command_line(found.instance_name, "tenants", "keys", "add", *by_id(found.tenant_id))
    found.writer.records(KEYS, keys, empty=f"There is no key. Make one: {add}")


@app.command()
def add(
    ctx: typer.Context,
    tenant_id: str = _ID,
    name: str | None = typer.Option(None, "--name", "-n", help="What it is for."),
    expires: str | None = typer.Option(
        None, "--expires", metavar="TIME", help="Ends after: 12h, 90d; else never."
    ),
) -> None:
    """Make one more key, and show it once; the others stay good.

    Examples:
      mail-proxy myserver tenants keys add acme --name 2027
      mail-proxy myserver tenants keys add acme --expires 90d
    """
    found = _about(ctx, tenant_id)
    fields = {"name": name, "expires_at": _end(found, expires)}
    given = {field: value for field, value in fields.items() if value is not None}
    told = found.call("addTenantKey", tenant_id=tenant_id, **given)
    record = {"id": tenant_id, "key_id": told["key"]["key_id"], "api_key": told["api_key"]}
    found.writer.done(record, str(told["api_key"]))
    found.writer.hint(
        "The key is shown this once; the application sends it as X-API-Token.\n"
        f"  {command_line(found.instance_name, 'tenants', 'keys', 'list', *by_id(tenant_id))}"
    )


@app.command()
def revoke(
    ctx: typer.Context,
    tenant_id: str = _ID,
    key_id: str = typer.Argument(..., metavar="KEY", help="The key's id, as list shows it."),
    force: bool = typer.Option(False, "--force", "-f", help="Do not ask."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would change."),
) -> None:
    """End a key at once.

    Examples:
      mail-proxy myserver tenants keys revoke acme first
    """
    found = _about(ctx, tenant_id)
    what = f"key '{safe_text(key_id, 80)}' of '{tenant_id}'"
    if dry_run:
        found.writer.would(f"revoke {what}")
        return
    which = {"tenant_id": tenant_id, "key_id": key_id}
    found.prompts.confirm_command("deleteTenantKey", given=force, **which)
    found.call("deleteTenantKey", **which)
    found.writer.done({"id": tenant_id, "key_id": key_id}, f"Revoked {what}")


def _about(ctx: typer.Context, tenant_id: str) -> Here:
    found = here(ctx)
    found.tenant_id = tenant_id
    found.require_tenant_id()
    return found


def _end(found: Here, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        seconds = span(text)
    except BadAnswer as error:
        raise CommandFailed(f"--expires: {error}", code=ExitCode.USAGE) from error
    if not seconds:
        raise CommandFailed("--expires: a time such as 12h or 90d", code=ExitCode.USAGE)
    return int(found.writer.now()) + seconds
