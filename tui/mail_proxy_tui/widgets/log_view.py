"""The lines of a log: drawn one by one as they are looked at, whatever their number.

It follows the end until somebody scrolls up; the end key goes on. Not the log widget of Textual:
that one draws each line when it comes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mail_proxy_tui.draw.log_line import has, is_wanted, log_text
from mail_proxy_tui.draw.palette import PLAIN, Palette
from mail_proxy_tui.feed.base import LogLine

KEPT = 10_000  # lines; older ones are in the file
_SIDESTEP = 20  # cells


class LogView(ScrollView, can_focus=True, inherit_bindings=False):
    """palette: of the board. level: one of `log_line.LEVELS`."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"log--found", "log--here"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "step(1)", "Down", id="log-down", show=False),
        Binding("up,k", "step(-1)", "Up", id="log-up", show=False),
        Binding("pagedown", "page(1)", "Page down", id="log-page-down", show=False),
        Binding("pageup", "page(-1)", "Page up", id="log-page-up", show=False),
        Binding("home,g", "first", "First", id="log-first", show=False),
        Binding("end,G", "follow", "follow the end", key_display="G", id="log-last"),
        Binding("right", "aside(1)", "Right", id="log-right", show=False),
        Binding("left", "aside(-1)", "Left", id="log-left", show=False),
    ]

    class Moved(Message):
        """It shows another part, or follows the end, or does no more."""

    def __init__(self) -> None:
        super().__init__()
        self.palette: Palette = PLAIN
        self.level = ""
        self.words = ""
        self.follows = True
        self._all: deque[LogLine] = deque()
        self._shown: list[LogLine] = []
        self._was_wanted = True
        self._here: int | None = None  # the line that a search stands on
        self._aside = 0

    # --- what is shown ---

    @property
    def n_shown(self) -> int:
        return len(self._shown)

    @property
    def n_all(self) -> int:
        return len(self._all)

    def clear(self) -> None:
        self._all.clear()
        self._rebuild()

    def add(self, lines: Sequence[LogLine]) -> None:
        """Those beyond KEPT go, the oldest first; what stays on the screen stays in its place."""
        lines = lines[-KEPT:]
        gone = self._forget(len(self._all) + len(lines) - KEPT)
        top = self.top - gone
        self._all.extend(lines)
        self._shown += [line for line in lines if self._wants(line)]
        self._sized()
        if gone and not self.follows:
            self._to(top)

    def _forget(self, n: int) -> int:
        """Let the n oldest go. How many of them were shown."""
        shown = 0
        for _ in range(n):
            line = self._all.popleft()
            shown += shown < len(self._shown) and self._shown[shown] is line
        del self._shown[:shown]
        if self._here is not None:
            self._here = None if self._here < shown else self._here - shown
        return shown

    def choose_level(self, level: str) -> None:
        self.level = level
        self._rebuild()

    def _wants(self, line: LogLine) -> bool:
        self._was_wanted = is_wanted(line, self.level, was_wanted=self._was_wanted)
        return self._was_wanted

    def _rebuild(self) -> None:
        before = len(self._shown)
        self._was_wanted = not self.level
        self._shown = [line for line in self._all if self._wants(line)]
        if len(self._shown) != before:
            self._here = None
        self._sized()

    def _sized(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._shown))
        if self.follows:
            self._to(len(self._shown))
        self.refresh()
        self.post_message(self.Moved())

    # --- where ---

    @property
    def _last_top(self) -> int:
        return max(len(self._shown) - max(self.size.height, 1), 0)

    def _to(self, top: int) -> None:
        # Forced: what comes first is more than one screen before Textual has a scrollbar for it.
        top = min(max(top, 0), self._last_top)
        self.scroll_to(y=top, animate=False, immediate=True, force=True)

    def _go(self, top: int) -> None:
        self.follows = top >= self._last_top
        self._to(top)
        self.post_message(self.Moved())

    @property
    def top(self) -> int:
        """The number of the first visible line."""
        return int(self.scroll_offset.y)

    def action_step(self, by: int) -> None:
        self._go(self.top + by)

    def action_page(self, by: int) -> None:
        self._go(self.top + by * max(self.size.height - 1, 1))

    def action_first(self) -> None:
        self._go(0)

    def action_follow(self) -> None:
        self._aside = 0
        self._go(self._last_top)
        self.refresh()

    def action_aside(self, by: int) -> None:
        self._aside = max(0, self._aside + by * _SIDESTEP)
        self.refresh()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._go(self.top - 3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._go(self.top + 3)

    # --- searching ---

    def search(self, words: str) -> bool:
        """Show the last line that has them. False: none has."""
        self.words = words
        self._here = None
        self.refresh()
        return not words or self.next_match(-1)

    def next_match(self, by: int) -> bool:
        """The next one (1) or the one before (-1), around the end. False: there is none."""
        found = [n for n, line in enumerate(self._shown) if has(line, self.words)]
        if not found:
            return False
        if self._here is None:
            self._here = found[-1] if by < 0 else found[0]
        elif by > 0:
            self._here = next((n for n in found if n > self._here), found[0])
        else:
            self._here = next((n for n in reversed(found) if n < self._here), found[-1])
        self._go(self._here - max(self.size.height, 1) // 2)
        self.follows = False
        self.refresh()
        return True

    @property
    def matches(self) -> tuple[int, int]:
        """Which of how many the search stands on; 0: on none."""
        found = [n for n, line in enumerate(self._shown) if has(line, self.words)]
        return (found.index(self._here) + 1 if self._here in found else 0), len(found)

    # --- painting ---

    def on_resize(self) -> None:
        self._sized()

    def render_line(self, y: int) -> Strip:
        row, width = y + self.top, self.size.width
        if row >= len(self._shown):
            return Strip.blank(width, self.rich_style)
        text = self._line(row)[self._aside :]
        segments = list(Segment.apply_style(text.render(self.app.console), self.rich_style))
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _line(self, row: int) -> Text:
        line = self._shown[row]
        text = log_text(line, self.palette)
        if has(line, self.words):
            found = self.get_component_rich_style("log--found")
            text.highlight_words([self.words], found, case_sensitive=False)
        if row == self._here:
            text.stylize_before(self.get_component_rich_style("log--here"))
        return text
