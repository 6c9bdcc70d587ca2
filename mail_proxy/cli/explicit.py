"""`mail-proxy instance NAME ...`: the form that no new command can ever shadow."""

from __future__ import annotations

import typer

from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import here
from mail_proxy.cli.levels import ExplicitInstance

app = Family(cls=ExplicitInstance, subcommand_metavar="NAME COMMAND [ARGS]...")


@app.callback()
def instance(ctx: typer.Context) -> None:
    """An instance by its name; scripts should use this form."""
    here(ctx).is_explicit = True
