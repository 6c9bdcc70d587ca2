"""The file that an unforeseen error leaves: what was run and where it broke, without secrets."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path


def write_crash_file(error: Exception, argv: Sequence[str], folders: Sequence[Path]) -> Path | None:
    """The traceback, without the values of variables, 0600; None when no place would have it.

    folders: tried in this order, then the one for temporary files.
    """
    import tempfile

    name = time.strftime(f"crash-%Y%m%d-%H%M%S-{os.getpid()}.txt", time.gmtime())
    for folder in (*folders, Path(tempfile.gettempdir())):
        path = folder / name
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with os.fdopen(os.open(path, flags, 0o600), "w", errors="backslashreplace") as file:
                file.write(_crash_text(error, argv))
        except OSError:
            continue  # the next place
        return path
    return None


def _crash_text(error: Exception, argv: Sequence[str]) -> str:
    import traceback

    from mail_proxy import __version__

    line = " ".join(without_secrets(argv))
    trace = "".join(traceback.format_exception(error))
    return f"mail-proxy {__version__}, Python {sys.version}\n{line}\n\n{trace}"


def without_secrets(argv: Sequence[str]) -> list[str]:
    """The words of a line, values of options that take secrets replaced."""
    shown: list[str] = []
    hide_next = False
    for word in argv:
        name, has_value, _ = word.partition("=")
        is_secret = name in _SECRET_OPTIONS
        shown.append(
            "********" if hide_next else f"{name}=********" if is_secret and has_value else word
        )
        hide_next = is_secret and not has_value
    return shown


_SECRET_OPTIONS = frozenset({"--password", "--auth-token", "--auth-password", "--token"})
