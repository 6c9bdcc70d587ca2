"""Text as man(7) has it."""

from __future__ import annotations

import re

from tests.docs.manual.text import Block, Code, Paragraph, Term, blocks

_CODE = re.compile(r"`([^`]+)`")


def escaped(text: str) -> str:
    """Letters that roff would read as its own, also at the start of a line."""
    for letter, escape in (("\\", "\\e"), ("-", "\\-"), ("'", "\\(aq"), ("`", "\\(ga")):
        text = text.replace(letter, escape)
    text = text.replace("^", "\\(ha").replace("~", "\\(ti").replace('"', "\\(dq")
    return f"\\&{text}" if text.startswith(".") else text


def inline(text: str) -> str:
    """A text with `words` in bold."""
    pieces = _CODE.split(text)
    return "".join(
        f"\\fB{escaped(piece)}\\fR" if is_code else _middle(piece, at_start=not i)
        for i, piece in enumerate(pieces)
        for is_code in (i % 2 == 1,)
    )


def _middle(text: str, *, at_start: bool) -> str:
    found = escaped(text)
    return found if at_start else found.removeprefix("\\&")


class Page:
    """One page, built from its top."""

    def __init__(self, name: str, section: int, title: str, *, version: str, date: str) -> None:
        program = escaped("mail-proxy")
        self._lines = [
            '.\\" Made by `make manual`; change the help texts or man/fragments instead.',
            f'.TH "{escaped(name.upper())}" "{section}" "{date}" "{program} {version}" "{program}"',
            ".SH NAME",
            f"{escaped(name)} \\- {inline(title)}",
        ]

    def heading(self, text: str) -> None:
        self._lines.append(f'.SH "{escaped(text)}"' if " " in text else f".SH {escaped(text)}")

    def below(self, text: str) -> None:
        self._lines.append(f'.SS "{escaped(text)}"')

    def text(self, text: str) -> None:
        """Blocks of the little markup."""
        is_first = self._lines[-1].startswith((".SH", ".SS"))
        for block in blocks(text):
            self._block(block, is_first=is_first)
            is_first = False

    def _block(self, block: Block, *, is_first: bool) -> None:
        match block:
            case Paragraph():
                self._lines += [*([] if is_first else [".PP"]), inline(block.text)]
            case Code():
                self.code(block.lines, is_first=is_first)
            case Term():
                self.term(f"`{block.name}`", block.text)

    def code(self, lines: tuple[str, ...], *, is_first: bool = False) -> None:
        if not is_first:
            self._lines.append(".PP")
        self._lines += [".nf", *(f"{escaped(line)}" for line in lines), ".fi"]

    def term(self, name: str, text: str) -> None:
        self._lines += [".TP", inline(name), inline(text) if text else "\\&"]

    def usage(self, lines: list[str]) -> None:
        """Synopses, each on its line; the program's words are bold."""
        for i, line in enumerate(lines):
            self._lines += [*([".br"] if i else []), inline(line)]

    def source(self) -> str:
        return "\n".join(self._lines) + "\n"
