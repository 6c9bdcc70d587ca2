"""`use` and `current`: the instance and the tenant that lines without a name are about."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.tree import INSTANCE_WORDS, ROOT_WORDS, TENANT_WORDS
from mail_proxy.config.current import (
    Current,
    current,
    forget_current,
    keep_current,
    read_current,
)
from mail_proxy.domain.command_line import command_line

app = Family()


@app.command()
def use(
    ctx: typer.Context,
    place: str | None = typer.Argument(
        None, metavar="[INSTANCE][/TENANT]", help="/TENANT: another tenant of the same instance."
    ),
    none: bool = typer.Option(False, "--none", help="Forget what was chosen."),
) -> None:
    """Choose the instance of lines that name none, and perhaps the tenant.

    A line that names an instance is about that one, whatever was chosen. GMP_INSTANCE and
    GMP_TENANT win over the choice.

    Examples:
      mail-proxy use myserver/acme       then: mail-proxy messages list
      mail-proxy use --none
    """
    found = here(ctx)
    if none:
        forget_current(found.root)
        found.writer.done({"instance": None, "tenant": None}, "Nothing is chosen")
        return
    chosen = _chosen(found, place or "")
    keep_current(found.root, chosen)
    found.writer.done(_record(chosen), f"Lines without a name are about {chosen}")
    if found.environ.get("GMP_INSTANCE") or found.environ.get("GMP_TENANT"):
        found.writer.warn("GMP_INSTANCE or GMP_TENANT is set here and wins")


def _chosen(found: Here, place: str) -> Current:
    """What is meant, looked up. Raises CommandFailed, NotFound."""
    instance, _, tenant_id = place.partition("/")
    if not instance and tenant_id:
        kept = read_current(found.root)
        instance = kept.instance if kept else ""
    if not instance:
        raise CommandFailed(
            "say which instance: INSTANCE, or INSTANCE/TENANT",
            tries=("mail-proxy list",),
            code=ExitCode.USAGE,
        )
    found.instance_name = instance
    _ = found.instance
    if tenant_id:
        found.tenant_id = tenant_id
        found.call("getTenant", tenant_id=found.require_tenant_id())
    return Current(instance, tenant_id)


@app.command("current")
def current_(
    ctx: typer.Context,
    export: bool = typer.Option(False, "--export", "-e", help="As lines that a shell takes."),
) -> None:
    """The instance and the tenant of lines that name none.

    Examples:
      mail-proxy current
      eval "$(mail-proxy current --export)"
    """
    found = here(ctx)
    chosen = current(found.root, found.environ)
    if chosen is None:
        raise CommandFailed(
            "no instance is chosen",
            tries=("mail-proxy list", "mail-proxy use NAME"),
            code=ExitCode.NOT_FOUND,
        )
    text = str(chosen)
    if export:  # neither name has a letter that a shell would take for more
        text = f"export GMP_INSTANCE={chosen.instance}\nexport GMP_TENANT={chosen.tenant_id}"
    found.writer.done(_record(chosen), text)


def _record(chosen: Current) -> dict[str, str | None]:
    return {
        "instance": chosen.instance,
        "tenant": chosen.tenant_id or None,
        "source": chosen.source,
    }


def with_names(found: Here, argv: Sequence[str]) -> list[str]:
    """The line with the names that it leaves out, where something is chosen.

    Only where its first word is a command that comes after a name, so no name is ever replaced.
    """
    words = list(argv)
    first = words[0] if words else ""
    is_below = first in INSTANCE_WORDS or first in TENANT_WORDS
    if not is_below or first in ROOT_WORDS:
        return words
    chosen = current(found.root, found.environ)
    if chosen is None:
        return words
    names = [chosen.instance]
    if chosen.tenant_id and first in TENANT_WORDS:
        names.append(chosen.tenant_id)
    elif first not in INSTANCE_WORDS:
        raise CommandFailed(
            f"'{first}' comes after a tenant, and none is chosen",
            tries=(command_line("use", f"{chosen.instance}/TENANT"),),
            code=ExitCode.USAGE,
        )
    if found.writer.stderr.isatty():
        found.writer.hint(f"about {'/'.join(names)}, by {chosen.source}")
    return [*names, *words]
