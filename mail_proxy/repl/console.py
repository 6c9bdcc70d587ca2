"""`console`: prints foreign text without what a terminal acts on."""

from __future__ import annotations

from mail_proxy.domain.safe_text import safe_text
from mail_proxy.repl.drawn import Screen
from mail_proxy.repl.results import Record, Table


class Console:
    """`console.print(row["subject"])` is safe where `print` is not."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    @property
    def width(self) -> int:
        """In cells."""
        return self._screen.width()

    def print(self, *values: object, sep: str = " ", end: str = "\n") -> None:
        """As `print` does; tables and records are drawn."""
        print(sep.join(_lines(value) for value in values), end=end, flush=True)

    def __repr__(self) -> str:
        return "console.print(...) shows foreign text safely"


def _lines(value: object) -> str:
    if isinstance(value, Table | Record):
        return repr(value)  # safe as it is drawn, and its tabs part the cells in a pipe
    text = value if isinstance(value, str) else repr(value)
    return "\n".join(safe_text(line, 100_000) for line in str(text).splitlines())
