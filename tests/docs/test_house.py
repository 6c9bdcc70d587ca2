"""The house stays one that a reader finds his way in."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    path for part in ("mail_proxy", "tui", "tests") for path in ROOT.glob(f"{part}/**/*.py")
)
MOST_LINES = 400


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_most_modules_are_short() -> None:
    assert statistics.median(lines(path) for path in MODULES) < 200


@pytest.mark.parametrize(
    "path", [path for path in MODULES if lines(path) > MOST_LINES], ids=lambda path: path.name
)
def test_a_long_module_says_in_its_head_why(path: Path) -> None:
    head = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert "long" in head.lower()


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("mail_proxy/**/*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_module_opens_with_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))
