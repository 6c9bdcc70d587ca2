"""From a command line to an exit code."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from typing import TextIO

import typer

from mail_proxy.cli.doors import Doors, Faces
from mail_proxy.cli.errors import CommandFailed, OutputClosed, OutputFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.failure import report
from mail_proxy.cli.globals import GlobalOptions, hoist
from mail_proxy.cli.grammar import HelpAsked
from mail_proxy.cli.here import Here
from mail_proxy.cli.levels import root_level
from mail_proxy.cli.output import Writer, output_error
from mail_proxy.cli.prompts import Prompter
from mail_proxy.cli.tree import ROOT_WORDS
from mail_proxy.config.instances import home
from mail_proxy.domain import units


def run(
    argv: Sequence[str],
    *,
    doors: Doors | None = None,
    faces: Faces | None = None,
    environ: Mapping[str, str] | None = None,
    stdin: TextIO | None = None,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
) -> int:
    """Run one line (without the program's name); its exit code. Never raises for a bad line."""
    environ = os.environ if environ is None else environ
    streams = (stdin or sys.stdin, stdout or sys.stdout, stderr or sys.stderr)
    try:
        options, rest = hoist(argv)
    except CommandFailed as error:
        asked_json = "--json" in argv or "json" in argv
        options = GlobalOptions(output="json" if asked_json else None)
        return report(error, _here(options, environ, streams, doors), argv)
    found = _here(options, environ, streams, doors)
    found.faces = faces
    with units.times_in(UTC if options.utc else None):
        return _guarded(lambda: _run_command(found, rest), found, argv)


def _here(
    options: GlobalOptions,
    environ: Mapping[str, str],
    streams: tuple[TextIO, TextIO, TextIO],
    doors: Doors | None,
) -> Here:
    stdin, stdout, stderr = streams
    if doors is None:
        from mail_proxy.cli.ways import RealDoors

        doors = RealDoors()
    return Here(
        options=options,
        environ=environ,
        root=options.home or home(environ),
        stdin=stdin,
        writer=Writer(options, stdout, stderr, environ),
        prompts=Prompter(options, stdin, stderr, environ),
        doors=doors,
    )


def _run_command(here: Here, argv: list[str]) -> int:
    try:
        code = root_level().main(
            args=_named(here, argv),
            prog_name="mail-proxy",
            standalone_mode=False,
            obj=here,
            color=here.writer.out_coloured,
        )
    except HelpAsked as asked:
        _show_help(here, asked.page)
        return ExitCode.DONE
    return code if isinstance(code, int) else ExitCode.DONE


def _show_help(here: Here, page: str) -> None:
    if not here.writer.stdout.isatty():
        here.writer.line(page)
        return
    # Here and not above: a page in a pipe needs no other process.
    from mail_proxy.cli.pager import show_text

    show_text(here, page)


def _named(here: Here, argv: list[str]) -> list[str]:
    if not argv or argv[0] in ROOT_WORDS or argv[0].startswith("-"):
        return argv
    from mail_proxy.cli.use import with_names

    return with_names(here, argv)


def _guarded(work: Callable[[], int], here: Here, argv: Sequence[str]) -> int:
    try:
        code = work()
        here.writer.flush()
    except (OutputClosed, BrokenPipeError, SystemExit):
        # typer leaves by SystemExit, and only so, when a pipe is closed under it.
        return _leave_quietly(here.writer.stdout)
    except typer.Exit as error:
        return error.exit_code
    except OutputFailed as error:
        return _without_output(error, here, argv)
    except OSError as error:
        # What draws writes past the Writer; a file of ours that is full has a name.
        if error.errno not in _FULL or error.filename:
            return report(error, here, argv)
        return _without_output(output_error(error), here, argv)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the edge: told, never lost
        return report(error, here, argv)
    if code == ExitCode.INTERRUPTED:
        return report(KeyboardInterrupt(), here, argv)  # typer turned it into this code
    return code


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def _without_output(error: Exception, here: Here, argv: Sequence[str]) -> int:
    """Tell it on stderr alone: what is left in the buffer of stdout cannot be written either."""
    here.writer.has_data = True
    _leave_quietly(here.writer.stdout)
    return report(error, here, argv)


def _leave_quietly(stdout: TextIO) -> int:
    """Nobody reads any more: point stdout elsewhere, so that its last flush cannot fail."""
    # A stream without a descriptor has nothing to flush into.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
    return ExitCode.DONE
