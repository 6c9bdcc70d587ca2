"""A widget that shows lines of text, and is painted again only when they have changed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.content import Content
from textual.widget import Widget
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


def entitle(widget: Widget, title: str) -> None:
    """Put it on the border, as it is: no markup is looked for in it.

    Textual paints all of a widget anew for each title that is set, also for the same.
    """
    told = Content(title)
    if widget.border_title != told.markup:
        widget.border_title = told


def _height(told: Text) -> int:
    """Lines; without any text there is none."""
    return told.plain.count("\n") + 1 if told.plain else 0
