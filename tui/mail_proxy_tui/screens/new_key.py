"""The key of a new tenant, shown once."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from mail_proxy.domain.safe_text import safe_text
from mail_proxy_tui.feed.base import Made
from mail_proxy_tui.widgets.lines import Lines


class NewKeyScreen(ModalScreen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "copy", "copy", id="copy-key"),
        Binding("escape,enter", "dismiss(None)", "close", id="close-key"),
    ]

    def __init__(self, made: Made) -> None:
        super().__init__()
        self._made = made

    def compose(self) -> ComposeResult:
        with Vertical(id="new-key"):
            yield Lines()

    def on_mount(self) -> None:
        box = self.query_one("#new-key")
        box.border_title = Content(f"Tenant {safe_text(self._made.id, 60)} is there")
        box.border_subtitle = "c copy   esc close"
        lines = (
            Text(" Its key, shown this once:"),
            Text(),
            Text(f" {safe_text(self._made.key, 200)}", "bold"),
            Text(),
            Text(" The application sends it as X-API-Token."),
        )
        self.query_one(Lines).show(lines)

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self._made.key)
        self.notify("Sent to the clipboard, where the terminal takes it.", markup=False)
