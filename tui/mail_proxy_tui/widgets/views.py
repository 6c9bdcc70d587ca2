"""The line of views: which there are, which is shown, and how many rows it has."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual import events
from textual.message import Message

from mail_proxy_tui.draw.cells import spread
from mail_proxy_tui.widgets.lines import Lines


class Views(Lines):
    """A click on a title chooses it."""

    class Chosen(Message):
        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def tell(self, titles: Sequence[str], chosen: int, count: str, width: int) -> None:
        line = Text(" ")
        for number, title in enumerate(titles):
            word = f"{number + 1} {title}"
            is_chosen = number == chosen
            style = Style(bold=is_chosen, meta={"view": number})
            line.append(f"[{word}]" if is_chosen else f" {word} ", style)
        self.show([spread(line, Text(count), max(width - 1, 20))])

    def on_click(self, event: events.Click) -> None:
        number = event.style.meta.get("view")
        if isinstance(number, int):
            self.post_message(self.Chosen(number))
