"""The tables of docs/wire.md, row by row."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "wire.md"
_QUOTED = re.compile(r"`([^`]*)`(\?)?")

LATER = "*later*"
Row = dict[str, str]


def table(*heads: str, under: str = "") -> list[Row]:
    """The rows of the first table whose first columns are called so; `under` is a heading."""
    text = PAGE.read_text(encoding="utf-8")
    lines = iter(text.partition(f"## {under}")[2].splitlines() if under else text.splitlines())
    wanted = list(heads)
    for line in lines:
        columns = cells(line)
        if columns[: len(wanted)] == wanted:
            next(lines)
            rows = []
            for row in lines:
                if not row.startswith("|"):
                    return rows
                rows.append(dict(zip(columns, cells(row), strict=True)))
            return rows
    raise LookupError(f"{PAGE.name} has no table of {wanted}")


def cells(line: str) -> list[str]:
    if not line.startswith("|"):
        return []
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def rows(*heads: str, under: str = "", filled: str = "") -> pytest.MarkDecorator:
    """A test for each row, named after its first cells; of those whose cell `filled` is not empty.

    What comes later is left out.
    """
    found = [
        row
        for row in table(*heads, under=under)
        if (not filled or row[filled]) and not any(LATER in cell for cell in row.values())
    ]
    return pytest.mark.parametrize(
        "row", found, ids=[re.sub(r"[`|]", "", " ".join(list(row.values())[:3])) for row in found]
    )


def words(cell: str) -> list[str]:
    """What stands between backticks."""
    return [text for text, _ in _QUOTED.findall(cell)]


def word(cell: str) -> str:
    """The one thing between backticks; empty when there is none."""
    found = words(cell)
    return found[0] if found else ""


def optional_words(cell: str) -> set[str]:
    """Those followed by a question mark."""
    return {text for text, mark in _QUOTED.findall(cell) if mark}


def value(cell: str) -> Any:
    """The JSON between backticks. Raises LookupError where there is none."""
    if not words(cell):
        raise LookupError(cell)
    return json.loads(word(cell))
