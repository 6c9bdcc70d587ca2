"""Where a password comes from: a file, stdin, the environment, or the person.

In the process list everybody can read what stands on a command line, so the option that takes the
password itself is for old scripts alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.domain.command_line import shell_line

VARIABLE = "MAIL_PROXY_SMTP_PASSWORD"
_LIMIT = 64 * 1024  # characters; a file given by mistake is not read whole


@dataclass(frozen=True, slots=True)
class PasswordOptions:
    """What the line gives, and what else to say or look at.

    file: "-" is stdin. value: as `option` gave it, in the place of which `instead` is better.
    what: in words, what is looked for. variable: of the environment.
    """

    file: str | None = None
    from_stdin: bool = False
    value: str | None = None
    what: str = "the password"
    option: str = "--password"
    instead: str = "--password-file or --password-stdin"
    variable: str = VARIABLE


def find_password(
    options: PasswordOptions,
    *,
    stdin: TextIO,
    environ: Mapping[str, str],
    warn: Callable[[str], None],
) -> str | None:
    """The password, or None when it was given nowhere and must be asked for.

    Raises CommandFailed for a file that cannot be read.
    """
    if options.file and options.file != "-":
        return _from_file(Path(options.file).expanduser(), warn)
    if options.from_stdin or options.file == "-":
        return _first_line(stdin.read(_LIMIT))
    if options.value is not None:
        warn(
            f"{options.option} shows {options.what} to everyone who can list processes; "
            f"use {options.instead}"
        )
        return options.value
    return environ.get(options.variable) or None


def _from_file(path: Path, warn: Callable[[str], None]) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & 0o044:
                warn(f"{path} can be read by others; {shell_line('chmod', '600', path)}")
            return _first_line(file.read(_LIMIT))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise CommandFailed(f"cannot read {path}: {why}", code=ExitCode.USAGE) from error


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0].rstrip("\r")
