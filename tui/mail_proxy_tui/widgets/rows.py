"""A list of rows with a cursor that stays on its row, whatever comes before or behind it.

Only the lines on the screen are drawn, and only those that have changed are painted again, so a
window of 200 rows costs what its visible part costs. Not the table of Textual: that one measures
every cell of every row when rows come, which is too much each second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

_LIKELY = 24  # lines of a screen
Draw = Callable[[str, bool], Text]  # key of a row, whether the cursor is on it -> its line


class Rows(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows by key; `draw` makes a row's line when it is looked at."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"rows--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", id="down", show=False),
        Binding("up,k", "move(-1)", "Up", id="up", show=False),
        Binding("pagedown", "page(1)", "Page down", id="page-down", show=False),
        Binding("pageup", "page(-1)", "Page up", id="page-up", show=False),
        Binding("home,g", "first", "First", id="first", show=False),
        Binding("end,G", "last", "Last", id="last", show=False),
        Binding("enter", "choose", "detail", id="detail"),
    ]

    class Moved(Message):
        """The cursor is on another row; key None: there is none."""

        def __init__(self, rows: Rows, key: str | None) -> None:
            super().__init__()
            self.rows = rows
            self.key = key

        @property
        def control(self) -> Rows:
            return self.rows

    class Chosen(Moved):
        """A row was opened."""

        key: str

    class Beyond(Message):
        """A page was turned behind the last row (step 1) or before the first (-1)."""

        def __init__(self, rows: Rows, step: int) -> None:
            super().__init__()
            self.rows = rows
            self.step = step

        @property
        def control(self) -> Rows:
            return self.rows

    def __init__(self, draw: Draw, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._draw = draw
        self._keys: list[str] = []
        self._place: dict[str, int] = {}
        self._cursor = 0
        self._painted: dict[int, Text] = {}  # what stands in each visible row

    # --- what is shown ---

    @property
    def keys(self) -> Sequence[str]:
        return self._keys

    @property
    def visible_keys(self) -> Sequence[str]:
        """Those that are on the screen; before there is one, those that are likely to be."""
        top = int(self.scroll_offset.y)
        return self._keys[top : top + (self.size.height or _LIKELY)]

    @property
    def cursor_key(self) -> str | None:
        """The row under the cursor, as of now: what a key acts on."""
        return self._keys[self._cursor] if self._keys else None

    def show(self, keys: Sequence[str], *, start: int | None = None) -> None:
        """Show these rows. The cursor stays on its row; where that is gone, in its place.

        start: these are others: the cursor goes to this one, -1 is the last.
        """
        before = self.cursor_key
        if start is not None:
            self._cursor = start % len(keys) if keys else 0
            self._keys = []
        if list(keys) != self._keys:
            self._keys = list(keys)
            self._place = {key: n for n, key in enumerate(self._keys)}
            last = max(len(self._keys) - 1, 0)
            stays = self._place.get(before or "") if start is None else None
            self._cursor = min(self._cursor, last) if stays is None else stays
            self.virtual_size = Size(self.size.width, len(self._keys))
            self._follow()
        self._repaint()
        if self.cursor_key != before:
            self.post_message(self.Moved(self, self.cursor_key))

    def move_to(self, key: str) -> None:
        """Put the cursor on a row; nothing where there is none of that key."""
        if key in self._place:
            self._put(self._place[key])

    # --- keys and mouse ---

    def action_move(self, step: int) -> None:
        if step > 0 and self._cursor >= len(self._keys) - 1:
            self.post_message(self.Beyond(self, 1))
        elif step < 0 and self._cursor == 0:
            self.post_message(self.Beyond(self, -1))
        else:
            self._put(self._cursor + step)

    def action_page(self, step: int) -> None:
        is_at_end = self._cursor >= len(self._keys) - 1 if step > 0 else self._cursor == 0
        if is_at_end:
            self.post_message(self.Beyond(self, step))
        else:
            self._put(self._cursor + step * max(self.size.height - 1, 1))

    def action_first(self) -> None:
        self._put(0)

    def action_last(self) -> None:
        self._put(len(self._keys) - 1)

    def action_choose(self) -> None:
        if self.cursor_key is not None:
            self.post_message(self.Chosen(self, self.cursor_key))

    def on_click(self, event: events.Click) -> None:
        row = event.y + self.scroll_offset.y
        if row < len(self._keys):
            self._put(row)
            if event.chain == 2:
                self.action_choose()

    def _put(self, row: int) -> None:
        if not self._keys:
            return
        old, self._cursor = self._cursor, min(max(row, 0), len(self._keys) - 1)
        if old == self._cursor:
            return
        self._follow()
        self._repaint()
        self.post_message(self.Moved(self, self.cursor_key))

    def _follow(self) -> None:
        """Scroll as little as shows the cursor."""
        height = max(self.size.height, 1)
        top = int(self.scroll_offset.y)
        if self._cursor < top:
            top = self._cursor
        elif self._cursor >= top + height:
            top = self._cursor - height + 1
        top = min(top, max(len(self._keys) - height, 0))
        if top != self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, immediate=True)

    # --- painting ---

    def on_resize(self) -> None:
        self._painted.clear()
        self._follow()
        self.refresh()

    def _repaint(self) -> None:
        """Paint again the visible lines that are not what they were."""
        top = int(self.scroll_offset.y)
        visible = range(top, top + self.size.height)
        for y, row in enumerate(visible):
            if self._line(row) != self._painted.get(row):
                self.refresh(Region(0, y, self.size.width, 1))

    def _line(self, row: int) -> Text | None:
        if row >= len(self._keys):
            return None
        is_cursor = row == self._cursor
        line = self._draw(self._keys[row], is_cursor)
        if is_cursor:
            line.stylize_before(self.get_component_rich_style("rows--cursor"))
        return line

    def render_line(self, y: int) -> Strip:
        row = y + int(self.scroll_offset.y)
        width = self.size.width
        line = self._line(row)
        if line is None:
            self._painted.pop(row, None)
            return Strip.blank(width, self.rich_style)
        self._painted[row] = line
        base = self.rich_style
        segments = list(Segment.apply_style(line.render(self.app.console), base))
        fill = base
        if row == self._cursor:
            fill = base + self.get_component_rich_style("rows--cursor")
        return Strip(segments).adjust_cell_length(width, fill)
