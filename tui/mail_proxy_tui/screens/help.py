"""`?`: the keys of what is on the screen."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from mail_proxy_tui.widgets.lines import Lines

Keys = list[tuple[str, str, bool]]  # keys, what they do, whether they do it now

_WORDS = (
    "States: ready is due, deferred waits for its time, sending is claimed or on the wire.",
    "susp waits for its tenant or batch, HELD and DOUBT for a person.",
    "FAILED and BOUNCED are over; r sends a failed one again.",
)


class HelpScreen(ModalScreen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,q,enter", "app.back", "close", id="help-close"),
    ]

    def __init__(self, title: str, keys: Keys) -> None:
        super().__init__()
        self._title = title
        self._keys = keys

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            yield Lines(id="help-lines")

    def on_mount(self) -> None:
        self.query_one("#help").border_title = f"Keys: {self._title}"
        self.query_one("#help").border_subtitle = "esc closes"
        longest = max((len(key) for key, _, _ in self._keys), default=0) + 2
        lines = []
        for key, words, is_on in self._keys:
            style = "" if is_on else "dim"
            off = "" if is_on else "  (not now)"
            lines.append(Text.assemble((f" {key.ljust(longest)}", "bold"), (words + off, style)))
        lines.append(Text())
        lines += [Text(f" {line}", "dim") for line in _WORDS]
        self.query_one(Lines).show(lines)
