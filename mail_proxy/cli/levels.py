"""The three levels of the grammar: `mail-proxy`, `mail-proxy NAME`, `mail-proxy NAME TENANT`."""

from __future__ import annotations

import typer

from mail_proxy.cli._typer import Command, Context, build_group
from mail_proxy.cli.grammar import Family, Group, TableGroup
from mail_proxy.cli.here import here
from mail_proxy.cli.tree import INSTANCE, ROOT, TENANT
from mail_proxy.config.instances import ENTITY_ID, INSTANCE_NAME


class TenantLevel(TableGroup):
    """`mail-proxy NAME TENANT ...`"""

    entries = TENANT
    kind = "tenant"


class InstanceLevel(TableGroup):
    """`mail-proxy NAME ...`; an unknown word is a tenant."""

    entries = INSTANCE
    kind = "instance"

    def named(self, word: str) -> Command | None:
        return tenant_level() if ENTITY_ID.match(word) else None


class RootLevel(TableGroup):
    """`mail-proxy ...`; an unknown word is an instance."""

    entries = ROOT

    def named(self, word: str) -> Command | None:
        return instance_level() if INSTANCE_NAME.match(word) else None


class ExplicitInstance(Group):
    """`mail-proxy instance NAME ...`: every word is a name."""

    entries = INSTANCE
    between = "NAME"

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:  # noqa: ARG002
        return instance_level() if INSTANCE_NAME.match(cmd_name) else None


class ExplicitTenant(Group):
    """`mail-proxy NAME tenant ID ...`: every word is an id."""

    entries = TENANT
    between = "ID"

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:  # noqa: ARG002
        return tenant_level() if ENTITY_ID.match(cmd_name) else None


def root_level() -> Command:
    app = Family(cls=RootLevel)

    @app.callback(
        invoke_without_command=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    def root(
        ctx: typer.Context,
        version: bool = typer.Option(False, "--version", help="The version of this program."),
    ) -> None:
        """mail-proxy: a durable queue between your application and SMTP.

        Examples:
          mail-proxy start myserver
          mail-proxy myserver acme accounts add
          mail-proxy myserver acme send --to you@example.com
        """
        if version:
            from mail_proxy.cli.tools import print_version

            print_version(here(ctx))
            raise typer.Exit
        if ctx.invoked_subcommand is None:
            from mail_proxy.cli.instances import print_overview

            print_overview(here(ctx))

    return build_group(app)


def instance_level() -> Command:
    app = Family(cls=InstanceLevel)

    @app.callback(invoke_without_command=True)
    def instance(ctx: typer.Context) -> None:
        """One instance, and through it its tenants."""
        found = here(ctx)
        found.instance_name = ctx.info_name or ""
        if ctx.invoked_subcommand is None:
            from mail_proxy.cli.instance import print_short_status

            print_short_status(found)

    return build_group(app)


def tenant_level() -> Command:
    app = Family(cls=TenantLevel)

    @app.callback(invoke_without_command=True)
    def tenant(ctx: typer.Context) -> None:
        """One tenant of an instance: its accounts, its messages, its key."""
        found = here(ctx)
        found.tenant_id = ctx.info_name or ""
        if ctx.invoked_subcommand is None:
            from mail_proxy.cli.tenant import print_short_status

            print_short_status(found)

    return build_group(app)
