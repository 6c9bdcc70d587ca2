"""A widget that shows lines of text, and is painted again only when they have changed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.widgets import Static


class Lines(Static, can_focus=False):
    """Lines of rich text; foreign words in them went through `safe_text` before."""

    ALLOW_SELECT = False

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__("", id=id, classes=classes, markup=False)
        self._shown: Text | None = None

    def show(self, lines: Sequence[Text]) -> None:
        told = Text("\n", no_wrap=True, overflow="crop").join(lines)
        told.no_wrap = True
        told.overflow = "crop"
        # Equality of texts leaves the style out.
        old = self._shown
        if old is not None and old == told and old.style == told.style:
            return
        self._shown = told
        # To find the places of all widgets anew costs more than to paint this one.
        self.update(told, layout=old is None or self._room(old) != self._room(told))

    def _room(self, told: Text) -> tuple[int, int]:
        """What it takes: its lines, and its columns where the widget is as wide as its text."""
        width = self.styles.width
        is_auto = width is not None and width.is_auto
        return _height(told), told.cell_len if is_auto else 0


def _height(told: Text) -> int:
    """Lines; without any text there is none."""
    return told.plain.count("\n") + 1 if told.plain else 0
