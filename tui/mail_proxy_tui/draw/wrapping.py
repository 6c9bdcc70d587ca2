"""Lines as wide as a terminal counts, in cells: what is longer goes on below, nothing is cut."""

from __future__ import annotations

import io

from rich.console import Console
from rich.text import Text

_CONSOLE = Console(file=io.StringIO())  # only wraps


def wrapped(line: Text, width: int) -> list[Text]:
    """At blanks where there are any, a longer word at the edge."""
    return list(line.wrap(_CONSOLE, width))
