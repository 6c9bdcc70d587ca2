"""What one run of the CLI knows: its options, its streams, which instance and tenant it is about.

typer hands it down the chain of groups as `ctx.obj`; `here(ctx)` takes it out again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import typer

from mail_proxy.cli.doors import Doors, Faces
from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.globals import GlobalOptions
from mail_proxy.cli.output import Writer
from mail_proxy.cli.prompts import Prompter
from mail_proxy.cli.tree import INSTANCE_WORDS, ROOT_WORDS
from mail_proxy.config.instances import (
    ENTITY_ID,
    INSTANCE_NAME,
    RESERVED,
    Instance,
    instance_named,
    list_instances,
)
from mail_proxy.control.base import SyncControl
from mail_proxy.domain.command_line import command_line
from mail_proxy.domain.safe_text import safe_text

_LOOKED_AT = 5  # instances; each look is some milliseconds


@dataclass(slots=True)
class Here:
    """One run.

    instance_name, tenant_id, account_id: the words that the line named; not looked up before use.
    is_explicit: they followed `instance` or `tenant`, so they were not meant as commands.
    """

    options: GlobalOptions
    environ: Mapping[str, str]
    root: Path
    stdin: TextIO
    writer: Writer
    prompts: Prompter
    doors: Doors
    faces: Faces | None = None
    instance_name: str = ""
    tenant_id: str = ""
    is_explicit: bool = False
    account_id: str = ""

    def require_faces(self) -> Faces:
        """The other faces. Raises CommandFailed where this one runs alone."""
        if self.faces is None:
            raise CommandFailed("this program has no other face than the command line")
        return self.faces

    @property
    def instance(self) -> Instance:
        """The instance of this line. Raises CommandFailed when there is none of that name."""
        return self.existing(self.instance_name)

    def existing(self, name: str) -> Instance:
        """The instance of that name. Raises CommandFailed (not found), near names in the text."""
        if _may_be_instance(name):
            instance = instance_named(name, self.root)
            if instance.exists():
                return instance
        raise self.no_instance(name)

    def no_instance(self, name: str) -> CommandFailed:
        from mail_proxy.domain.suggest import did_you_mean, near

        bare = name == self.instance_name and not self.is_explicit
        if bare and name in INSTANCE_WORDS:
            return CommandFailed(
                f"'{name}' comes after the name of an instance",
                tries=(command_line(next(iter(self.instance_names()), "NAME"), name),),
                code=ExitCode.USAGE,
            )
        known = [*self.instance_names(), *(ROOT_WORDS if bare else ())]
        what = "instance or command" if bare else "instance"
        guesses = near(name, known)
        owner = self._owner_of(name) if bare and not guesses else ""
        if owner:
            return CommandFailed(
                f"'{name}' is a tenant of '{owner}', whose name comes first",
                tries=(command_line(owner, name, "--help"), command_line("use", f"{owner}/{name}")),
                code=ExitCode.NOT_FOUND,
            )
        return CommandFailed(
            f"no {what} named '{safe_text(name, 80)}'.{did_you_mean(name, known)}",
            tries=self._instead_of(name, guesses[0] if guesses else ""),
            code=ExitCode.NOT_FOUND,
        )

    def _owner_of(self, tenant_id: str) -> str:
        """The first instance with a tenant of that id, by a look at its file; or nothing."""
        import sqlite3  # for this error alone

        from mail_proxy.completion import names

        for instance in self.instance_names()[:_LOOKED_AT]:
            path = names.database(str(self.root), instance, self.environ)
            try:
                if path and tenant_id in names.ids(path, "tenant", "", tenant_id):
                    return instance
            except (sqlite3.Error, OSError):
                continue  # an error is told already, and a guess is worth no other
        return ""

    def _instead_of(self, name: str, guess: str) -> tuple[str, ...]:
        """What to run instead of a line with this name; guess: the word that was meant, if any."""
        if guess in ROOT_WORDS:
            # `myserver` is no typo of `serve`.
            may_start = guess in name and not self.tenant_id and _may_be_instance(name)
            return (
                command_line(guess, self.tenant_id or "--help"),
                *([f"mail-proxy start {name}"] if may_start else []),
            )
        if not INSTANCE_NAME.match(name):
            return ("mail-proxy list", "mail-proxy start myserver")
        may_start = not guess and name not in RESERVED
        return ("mail-proxy list", *([f"mail-proxy start {name}"] if may_start else []))

    def instance_names(self) -> list[str]:
        return [instance.name for instance in list_instances(self.root)]

    def require_tenant_id(self) -> str:
        """The tenant of this line. Raises CommandFailed for a word that no tenant can have."""
        if not ENTITY_ID.match(self.tenant_id):
            raise CommandFailed(
                f"'{safe_text(self.tenant_id, 80)}' cannot be a tenant id: "
                "letters, digits, '-' and '_', at most 64",
                code=ExitCode.USAGE,
            )
        return self.tenant_id

    @contextmanager
    def control(self) -> Iterator[SyncControl]:
        """The instance of this line, by its daemon or by its store. Never held over a prompt."""
        control = self.doors.control(self.instance, self.environ)
        try:
            yield self._narrated(control)
        finally:
            control.close()

    def _narrated(self, control: SyncControl) -> SyncControl:
        if not (self.options.verbose or self.options.debug):
            return control
        from mail_proxy.cli.narrated import sentence
        from mail_proxy.control.told import ToldControl

        shows_route = self.options.debug
        return ToldControl(
            control, lambda asked: self.writer.hint(sentence(asked, shows_route=shows_route))
        )

    def call(self, command: str, **fields: Any) -> dict[str, Any]:
        """One command to the instance of this line."""
        with self.control() as control:
            return control.call(command, **fields)

    @property
    def path(self) -> str:
        """The start of a line about the same instance and tenant, for hints."""
        return self.line()

    def line(self, *words: str) -> str:
        """A line about the same instance and tenant, for hints: whatever a word holds, it is one.

        Ids go through `by_id`.
        """
        return command_line(*(w for w in (self.instance_name, self.tenant_id) if w), *words)


def _may_be_instance(name: str) -> bool:
    return bool(INSTANCE_NAME.match(name)) and name not in RESERVED


def here(ctx: typer.Context) -> Here:
    """The run that a command belongs to."""
    found = ctx.obj
    assert isinstance(found, Here), "the root group makes it"
    return found
