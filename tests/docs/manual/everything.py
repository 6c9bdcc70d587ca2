"""All files that are made of the command line and the settings, and what is in each."""

from __future__ import annotations

from pathlib import Path

from tests.docs.manual.pages import pages
from tests.docs.manual.reference import commands_page, settings_page
from tests.docs.manual.words import as_json, tree

ROOT = Path(__file__).parents[3]
HOW = "The command line has changed: run `make manual` (python -m tests.docs.manual) and commit."


def everything() -> dict[Path, str]:
    """Path to text, of every file that is made."""
    words = tree()
    return {
        ROOT / "mail_proxy/completion/tree.json": as_json(words),
        ROOT / "docs/reference/commands.md": commands_page(words),
        ROOT / "docs/reference/settings.md": settings_page(),
        **{ROOT / "man" / f"man{name[-1]}" / name: text for name, text in pages(words).items()},
    }


def strays() -> list[Path]:
    """Pages of commands that are no more."""
    made = everything()
    return [path for path in sorted((ROOT / "man").glob("man[1-9]/*")) if path not in made]
