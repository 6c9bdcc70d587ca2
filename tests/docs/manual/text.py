"""The little markup of help pages and fragments: paragraphs, lists of terms, indented lines.

# A HEADING
A paragraph. `Words` of the program stand between backticks.

    indented lines stay as they are

term
: what it means
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str


@dataclass(frozen=True, slots=True)
class Code:
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Term:
    name: str
    text: str


Block = Paragraph | Code | Term


def blocks(text: str) -> list[Block]:
    """The blocks of a text without headings, in order."""
    parts = (part for part in text.strip("\n").split("\n\n") if part.strip())
    return [block for part in parts for block in _of(part.strip("\n").splitlines())]


def _of(lines: list[str]) -> Iterator[Block]:
    if len(lines) > 1 and lines[1].startswith(": "):
        told = [line.removeprefix(": ").strip() for line in lines[1:]]
        yield Term(lines[0].strip(), " ".join(told))
        return
    for is_code, found in groupby(lines, key=lambda line: line.startswith("  ")):
        some = list(found)
        if is_code:
            indent = min(len(line) - len(line.lstrip()) for line in some)
            yield Code(tuple(line[indent:] for line in some))
        else:
            yield Paragraph(" ".join(line.strip() for line in some))


def parts(text: str) -> dict[str, str]:
    """Heading to text of a fragment; text before the first heading is lost by nobody: it raises."""
    found: dict[str, str] = {}
    heading = ""
    for line in text.splitlines():
        if line.startswith("# "):
            heading = line[2:].strip()
            found[heading] = ""
        elif heading:
            found[heading] += line + "\n"
        elif line.strip():
            raise ValueError(f"text before the first heading: {line!r}")
    return found


def split_examples(text: str) -> tuple[str, str]:
    """A help text, and the lines of its examples."""
    before, _, after = text.partition("Examples:\n")
    return before.strip(), after.rstrip("\n")
