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

from mail_proxy_tui.draw.questions import AGAIN, FAILED, SENT, Question
from mail_proxy_tui.draw.wrapping import wrapped
from mail_proxy_tui.widgets.lines import Lines

_NO = Binding("n,escape", "answer('')", "no", id="confirm-no")
_MOVES = (
    Binding("right,tab", "other(1)", "other button", show=False),
    Binding("left,shift+tab", "other(-1)", "other button", show=False),
)


def _button(label: str, id_: str, key: str) -> Button:
    """Its answer is `key`, as if that had been pressed."""
    return Button(Text(label), id=id_, action=f"screen.answer('{key}')", compact=True)


class ConfirmScreen(ModalScreen[str]):
    """Gives the key of the answer; empty for none: `n`, `esc` and the button that has the focus."""

    AUTO_FOCUS = "#no"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer('y')", "yes", id="confirm-yes"),
        _NO,
        *_MOVES,
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question

    def compose(self) -> ComposeResult:
        with Vertical(id="confirm"):
            yield Lines(id="confirm-lines")
            with Horizontal(id="confirm-buttons"):
                yield _button(self.question.no, "no", "")
                for answer in self.question.answers:
                    yield _button(answer.label, f"answer-{answer.key}", answer.key)

    def on_mount(self) -> None:
        box, question = self.query_one("#confirm"), self.question
        box.border_title = Content(question.title)
        box.border_subtitle = question.keys
        told = [Text(line) for line in question.lines]
        width = max(40, *(line.cell_len for line in told))
        box.styles.width = min(width + 6, 76)
        lines = [Text(f" {part}") for line in told for part in wrapped(line, 70)]
        self.query_one("#confirm-lines", Lines).show(lines)

    def action_answer(self, key: str) -> None:
        self.dismiss(key)

    def action_other(self, by: int) -> None:
        if by > 0:
            self.focus_next(Button)
        else:
            self.focus_previous(Button)


class SettleScreen(ConfirmScreen, inherit_bindings=False):
    """What has become of messages in doubt: one of three."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(SENT, f"answer('{SENT}')", "sent", id="settle-sent"),
        Binding(FAILED, f"answer('{FAILED}')", "failed", id="settle-failed"),
        Binding(AGAIN, f"answer('{AGAIN}')", "send again", id="settle-again"),
        _NO,
        *_MOVES,
    ]
