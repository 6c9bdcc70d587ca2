"""The keys below: those there is room for; how to find the others and the way out always are.

One widget that draws a line: a widget for each key, as in Textual's footer, took a fifth of the
time to the first numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

from rich.style import Style
from rich.text import Text
from textual import events
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import Widget

_ALWAYS = frozenset({"start", "help", "quit"})
_GAP = 1  # behind each


class Key(NamedTuple):
    """name: as it is pressed; shown: as it is written. is_on: it does something now."""

    name: str
    shown: str
    words: str
    action: str
    is_on: bool

    @property
    def columns(self) -> int:
        words = len(self.words) + 1 if self.words else 0
        return len(self.shown) + words + _GAP


class KeyBar(Widget):
    """Keys come in the order of their importance: a view's own, then those that work everywhere."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "key-bar--key",
        "key-bar--words",
        "key-bar--off",
        "key-bar--hover",
    }

    hovered: reactive[str] = reactive("")  # the name of the key under the mouse

    def __init__(self) -> None:
        super().__init__()
        self._keys: list[Key] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._take)

    def _take(self, screen: Screen[object]) -> None:
        keys = list(self._active(screen))
        if keys != self._keys:
            self._keys = keys
            self.refresh()

    def _active(self, screen: Screen[object]) -> Iterator[Key]:
        """One for each action, that of its first key."""
        seen = set()
        for _, binding, is_on, _ in screen.active_bindings.values():
            if binding.show and binding.action not in seen:
                seen.add(binding.action)
                shown = self.app.get_key_display(binding)
                yield Key(binding.key, shown, binding.description, binding.action, is_on)

    @property
    def _fitting(self) -> list[Key]:
        return fitting(self._keys, self.size.width - 1)

    def render(self) -> Text:
        line = Text(no_wrap=True, end="")
        for key in self._fitting:
            line.append(key.shown, self._style("key", key))
            if key.words:
                line.append(f" {key.words}", self._style("words", key))
            line.append(" " * _GAP)
        return line

    def _style(self, part: str, key: Key) -> Style:
        style = self.get_component_rich_style(f"key-bar--{part}", partial=True)
        if not key.is_on:
            style += self.get_component_rich_style("key-bar--off", partial=True)
        elif key.name == self.hovered:
            style += self.get_component_rich_style("key-bar--hover", partial=True)
        return style

    def _key_at(self, column: int) -> Key | None:
        for key in self._fitting:
            if 0 <= column < key.columns - _GAP:
                return key
            column -= key.columns
        return None

    def on_mouse_move(self, event: events.MouseMove) -> None:
        key = self._key_at(event.get_content_offset_capture(self).x)
        self.hovered = key.name if key else ""

    def on_leave(self) -> None:
        self.hovered = ""

    def on_mouse_down(self, event: events.MouseDown) -> None:
        key = self._key_at(event.get_content_offset_capture(self).x)
        if key is None:
            return
        if key.is_on:
            self.app.simulate_key(key.name)
        else:
            self.app.bell()


def fitting(keys: Sequence[Key], width: int) -> list[Key]:
    """In their order, as many as there is room for beside those that are always there."""
    left = width - sum(key.columns for key in keys if key.action in _ALWAYS)
    found: list[Key] = []
    for key in keys:
        if key.action in _ALWAYS:
            found.append(key)
        elif key.columns <= left:
            left -= key.columns
            found.append(key)
        else:
            left = 0  # what follows matters less
    return found
