"""A line to type what is looked for; `enter` sends it, `esc` leaves it as it was."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label

from mail_proxy_tui.widgets.entry import Entry
from mail_proxy_tui.widgets.lines import Lines


class SearchInput(Entry):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "back", id="search-leave")]

    class Left(Message):
        pass

    def action_leave(self) -> None:
        self.post_message(self.Left())


class SearchLine(Horizontal):
    class Asked(Message):
        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """The keys go back to the list."""

    def __init__(self, placeholder: str) -> None:
        super().__init__()
        self._placeholder = placeholder
        self.applied = ""

    def compose(self) -> ComposeResult:
        yield Label(" / ", markup=False)
        yield SearchInput(placeholder=self._placeholder, compact=True, max_length=500)
        yield Lines(classes="note")

    def on_mount(self) -> None:
        # Only `/` and the mouse go there: tab stays with the list.
        self._input.can_focus = False

    @property
    def _input(self) -> SearchInput:
        return self.query_one(SearchInput)

    def open(self) -> None:
        self._input.can_focus = True
        self._input.focus()

    def clear(self) -> None:
        self.applied = self._input.value = ""

    def note(self, words: str, style: str = "") -> None:
        """What stands at its end."""
        self.query_one(Lines).show([Text(f"{words} ", style)])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.applied = event.value.strip()
        self._close()
        self.post_message(self.Asked(self.applied))

    def on_search_input_left(self, event: SearchInput.Left) -> None:
        event.stop()
        self._input.value = self.applied
        self._close()

    def on_click(self) -> None:
        self.open()

    def _close(self) -> None:
        self._input.can_focus = False
        self.post_message(self.Left())
