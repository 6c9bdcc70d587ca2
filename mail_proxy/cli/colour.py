"""Whether a stream gets colours; one function decides for everything we print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

BOLD = "1"
RED = "31"
GREEN = "32"
YELLOW = "33"


def wants_colour(choice: str, environ: Mapping[str, str], stream: TextIO) -> bool:
    """`--color`, then NO_COLOR, CLICOLOR=0, FORCE_COLOR or CLICOLOR_FORCE, TERM, then the stream.

    A variable that is set and empty counts as not set (no-color.org).
    """
    if choice != "auto":
        return choice == "always"
    if environ.get("NO_COLOR") or environ.get("CLICOLOR") == "0":
        return False
    if _is_forced(environ.get("FORCE_COLOR")) or _is_forced(environ.get("CLICOLOR_FORCE")):
        return True
    return environ.get("TERM") != "dumb" and stream.isatty()


def _is_forced(value: str | None) -> bool:
    return bool(value) and value != "0"


def paint(text: str, style: str, *, coloured: bool) -> str:
    """`text` in an SGR style such as `BOLD`, or as it is."""
    return f"\x1b[{style}m{text}\x1b[0m" if coloured else text
