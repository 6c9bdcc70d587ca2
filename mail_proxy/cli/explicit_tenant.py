"""`mail-proxy NAME tenant ID ...`: the form that no new command can ever shadow."""

from __future__ import annotations

import typer

from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import here
from mail_proxy.cli.levels import ExplicitTenant

app = Family(cls=ExplicitTenant, subcommand_metavar="ID COMMAND [ARGS]...")


@app.callback()
def tenant(ctx: typer.Context) -> None:
    """A tenant by its id; scripts should use this form."""
    here(ctx).is_explicit = True
