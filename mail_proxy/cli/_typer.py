"""The names that we take from inside typer; all of them are here, and nowhere else.

typer carries a private copy of click, so the classes of a command, a context and a usage error
have no public name. The version range in pyproject.toml is tested at both ends.
"""

from __future__ import annotations

from typer._click.core import Command, Context, Parameter
from typer._click.exceptions import (
    BadParameter,
    ClickException,
    MissingParameter,
    NoSuchOption,
    UsageError,
)
from typer._click.formatting import HelpFormatter
from typer.core import TyperCommand
from typer.core import TyperOption as Option
from typer.main import get_group as build_group

__all__ = [
    "BadParameter",
    "ClickException",
    "Command",
    "Context",
    "HelpFormatter",
    "MissingParameter",
    "NoSuchOption",
    "Option",
    "Parameter",
    "TyperCommand",
    "UsageError",
    "build_group",
]
