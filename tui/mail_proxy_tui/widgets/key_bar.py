"""The keys below: those there is room for; how to find the others and the way out always are."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

_ALWAYS = frozenset({"start", "help", "quit"})
_GAP = 1  # behind each


class KeyBar(Footer):
    """Keys come in the order of their importance: a view's own, then those that work everywhere."""

    def __init__(self) -> None:
        super().__init__(show_command_palette=False, compact=True)
        self._width = 0

    def compose(self) -> ComposeResult:
        yield from fitting(list(super().compose()), self.size.width - 1)

    def on_resize(self, event: events.Resize) -> None:
        if event.size.width != self._width:
            self._width = event.size.width
            self.call_after_refresh(self.recompose)


def fitting(keys: Sequence[Widget], width: int) -> list[Widget]:
    """In their order, as many as there is room for beside those that are always there."""
    left = width - sum(_taken(key) for key in keys if _is_kept(key))
    found: list[Widget] = []
    for key in keys:
        if _is_kept(key):
            found.append(key)
        elif _taken(key) <= left:
            left -= _taken(key)
            found.append(key)
        else:
            left = 0  # what follows matters less
    return found


def _is_kept(key: Widget) -> bool:
    return isinstance(key, FooterKey) and key.action in _ALWAYS


def _taken(key: Widget) -> int:
    if not isinstance(key, FooterKey):
        return 0
    words = len(key.description) + 1 if key.description else 0
    return len(key.key_display) + words + _GAP
