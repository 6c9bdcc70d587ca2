"""A page of the manual as plain text, for where there is no `man`.

It knows the few requests that our own pages are made of, no more.
"""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Callable
from pathlib import Path

_WIDTH = 80
_LETTERS = {"aq": "'", "ga": "`", "ha": "^", "ti": "~", "dq": '"'}
_ESCAPES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\\f[BIRP]"), ""),
    (re.compile(r"\\\((?:aq|ga|ha|ti|dq)"), lambda m: _LETTERS[m[0][2:]]),
    (re.compile(r"\\&"), ""),
    (re.compile(r"\\-"), "-"),
    (re.compile(r"\\e"), "\\\\"),
)


def as_text(page: Path) -> str:
    """The page without its first heading, in lines of at most 80 letters where they can be cut."""
    return _Reading().read(page.read_text())


class _Reading:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.indent = 0
        self.is_verbatim = False
        self.term: str | None = None  # None: no term is open; "": its own line comes next

    def read(self, source: str) -> str:
        for line in source.splitlines():
            if line.startswith("."):
                self._request(line)
            else:
                self._text(_plain(line))
        return "\n".join(self.lines).strip("\n")

    def _request(self, line: str) -> None:
        name, *words = (
            shlex.split(line.replace("'", "\\'"), posix=True) if '"' in line else line.split()
        )
        title = _plain(" ".join(words))
        match name:
            case ".SH":
                self.lines += ["", title]
                self.indent = 4
            case ".SS":
                self.lines += ["", f"  {title}"]
                self.indent = 4
            case ".PP":
                self.lines.append("")
            case ".TP":
                self.term = ""
            case ".nf" | ".fi":
                self.is_verbatim = name == ".nf"

    def _text(self, text: str) -> None:
        indent = " " * self.indent
        if self.is_verbatim:
            self.lines.append(f"{indent}{text}".rstrip())
        elif self.term == "":
            self.lines.append(f"{indent}{text}")
            self.term = text
        elif self.term:
            self._wrap(text, indent + "    ")
            self.term = None
        else:
            self._wrap(text, indent)

    def _wrap(self, text: str, indent: str) -> None:
        if text:
            self.lines.append(
                textwrap.fill(
                    text,
                    _WIDTH,
                    initial_indent=indent,
                    subsequent_indent=indent,
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            )


def _plain(text: str) -> str:
    for pattern, letter in _ESCAPES:
        text = pattern.sub(letter, text)
    return text
