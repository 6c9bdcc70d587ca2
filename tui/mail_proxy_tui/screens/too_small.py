"""What is shown instead of a screen that has no room."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.geometry import Size

from mail_proxy_tui.board import Board
from mail_proxy_tui.widgets.lines import Lines

LEAST_COLUMNS = 60
LEAST_LINES = 15


def is_too_small(size: Size) -> bool:
    """Also every dialog is hidden then, so that no key may answer it."""
    return size.width < LEAST_COLUMNS or size.height < LEAST_LINES


class TooSmall(Lines):
    """Above everything else; the style sheet shows it by the size of the terminal."""

    def __init__(self, board: Board) -> None:
        super().__init__(classes="too-small")
        self._board = board

    def on_resize(self, event: events.Resize) -> None:
        size, by = self.app.size, self._board.glyphs.by
        words = Text(
            f"Terminal too small: {size.width}{by}{size.height}, "
            f"need {LEAST_COLUMNS}{by}{LEAST_LINES}. "
            f"Or run: mail-proxy {self._board.instance} stats"
        )
        self.show(list(words.wrap(self.app.console, max(event.size.width, 10))))
