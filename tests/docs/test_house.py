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


@pytest.mark.parametrize(
    "path",
    sorted([*ROOT.glob("mail_proxy/**/__init__.py"), *ROOT.glob("tui/**/__init__.py")]),
    ids=lambda path: str(path.parent.relative_to(ROOT)),
)
def test_a_package_has_what_it_says_it_has(path: Path) -> None:
    tree = ast.parse(path.read_text())
    bound = {alias.asname or alias.name for node in ast.walk(tree) for alias in _imported(node)}
    bound |= {
        n.name
        for n in tree.body
        if isinstance(n, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    }
    bound |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    bound |= {child.stem for child in path.parent.glob("*.py")}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and _targets(node) == ["__all__"]:
            assert node.value is not None
            assert set(ast.literal_eval(node.value)) <= bound


def _imported(node: ast.AST) -> list[ast.alias]:
    return node.names if isinstance(node, ast.Import | ast.ImportFrom) else []


def _targets(node: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]
