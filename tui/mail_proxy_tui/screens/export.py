"""Into which file rows are written; the end of its name says how."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input

from mail_proxy.domain.safe_text import safe_text
from mail_proxy_tui.widgets.entry import Entry
from mail_proxy_tui.widgets.lines import Lines


class ExportScreen(ModalScreen[str | None]):
    """what: "messages". Gives the path, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "back", id="export-back"),
        Binding("ctrl+t", "turn", "CSV or JSONL", id="export-turn"),
    ]

    def __init__(self, what: str, name: str) -> None:
        super().__init__()
        self._what = what
        self._name = name

    def compose(self) -> ComposeResult:
        with Vertical(id="export"):
            yield Lines()
            yield Entry(self._name, compact=True, select_on_focus=False)

    def on_mount(self) -> None:
        box = self.query_one("#export")
        box.border_title = Content(f"Export {safe_text(self._what, 60)} to a file")
        box.border_subtitle = "enter write   ctrl+t CSV/JSONL   esc back"
        words = " .csv for spreadsheets, .jsonl for programs; nothing is overwritten."
        self.query_one(Lines).show([Text(words)])

    def action_turn(self) -> None:
        field = self.query_one(Input)
        stem = field.value.removesuffix(".csv").removesuffix(".jsonl")
        field.value = stem + (".jsonl" if field.value.endswith(".csv") else ".csv")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value.strip() or None)
