"""A question before something is done. The button that changes nothing has the focus."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button

from mail_proxy_tui.draw.questions import Question
from mail_proxy_tui.draw.wrapping import wrapped
from mail_proxy_tui.widgets.lines import Lines


class ConfirmScreen(ModalScreen[bool]):
    """Gives True for yes; `n`, `esc` and a click beside it give False."""

    AUTO_FOCUS = "#no"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes", id="confirm-yes"),
        Binding("n,escape", "answer(False)", "no", id="confirm-no"),
        Binding("left,right,tab,shift+tab", "other", "other button", show=False),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question

    def compose(self) -> ComposeResult:
        with Vertical(id="confirm"):
            yield Lines(id="confirm-lines")
            with Horizontal(id="confirm-buttons"):
                yield Button(Text(self.question.no), id="no", compact=True)
                yield Button(Text(self.question.yes), id="yes", compact=True)

    def on_mount(self) -> None:
        box, question = self.query_one("#confirm"), self.question
        box.border_title = Content(question.title)
        verb = question.yes.removeprefix("Yes, ").split(" ")[0]
        box.border_subtitle = f"y {verb}   n / esc {question.no.removeprefix('No, ')}"
        told = [Text(line) for line in question.lines]
        width = max(40, *(line.cell_len for line in told))
        box.styles.width = min(width + 6, 76)
        lines = [Text(f" {part}") for line in told for part in wrapped(line, 70)]
        self.query_one("#confirm-lines", Lines).show(lines)

    def action_answer(self, is_yes: bool) -> None:
        self.dismiss(is_yes)

    def action_other(self) -> None:
        self.focus_next(Button)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(event.button.id == "yes")
