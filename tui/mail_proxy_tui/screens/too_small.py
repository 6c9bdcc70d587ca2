"""What is shown instead of a screen that has no room."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.geometry import Size

from mail_proxy_tui.widgets.lines import Lines

LEAST_COLUMNS = 60
LEAST_LINES = 15
_BY = "\u00d7"


def is_too_small(size: Size) -> bool:
    """Also every dialog is hidden then, so that no key may answer it."""
    return size.width < LEAST_COLUMNS or size.height < LEAST_LINES


class TooSmall(Lines):
    """Above everything else; the style sheet shows it by the size of the terminal."""

    def __init__(self, instance: str) -> None:
        super().__init__(classes="too-small")
        self._instance = instance

    def on_resize(self, event: events.Resize) -> None:
        size = self.app.size
        words = Text(
            f"Terminal too small: {size.width}{_BY}{size.height}, "
            f"need {LEAST_COLUMNS}{_BY}{LEAST_LINES}. "
            f"Or run: mail-proxy {self._instance} stats"
        )
        self.show(list(words.wrap(self.app.console, max(event.size.width, 10))))
