"""View 4: what happens, as it happens, the newest first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from mail_proxy.domain.safe_text import safe_text
from mail_proxy_tui import exporting
from mail_proxy_tui.draw.cells import clipped
from mail_proxy_tui.draw.events import full_words, wanted
from mail_proxy_tui.draw.happenings import happening_line, kind_style
from mail_proxy_tui.exporting import Record, each
from mail_proxy_tui.feed.base import Feed, Happening, MessageKey
from mail_proxy_tui.widgets.lines import Lines
from mail_proxy_tui.widgets.pane import Pane
from mail_proxy_tui.widgets.rows import Rows
from mail_proxy_tui.widgets.search_line import SearchLine

_Numbered = list[tuple[int, Happening]]


class EventsPane(Pane):
    title: ClassVar[str] = "Events"
    wants_happenings: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "freeze", "freeze list", id="freeze"),
        Binding("slash", "filter", "filter", key_display="/", id="filter-events"),
    ]

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._wanted = wanted("")
        self._frozen: _Numbered | None = None
        self._by_key: dict[str, Happening] = {}

    def compose(self) -> ComposeResult:
        yield SearchLine("kinds, as sent,failed; or a part of an id, an address, a reply")
        yield Rows(self._draw_row)
        yield Lines(classes="empty")

    async def load(self, feed: Feed) -> None:
        """Nothing is asked for: it comes by itself while the daemon runs."""

    # --- drawing ---

    def draw(self) -> None:
        if not self.is_mounted:
            return
        rows = self.query_one(Rows)
        before = rows.cursor_key
        was_at_top = not self._by_key or before == next(iter(self._by_key))
        known = self.board.happenings.numbered() if self._frozen is None else self._frozen
        found = [(n, event) for n, event in reversed(known) if self._wanted.takes(event)]
        self._by_key = {str(n): event for n, event in found}
        rows.show(list(self._by_key))
        if was_at_top and self._by_key:
            rows.move_to(next(iter(self._by_key)))
        self._draw_emptiness()
        self.post_message(self.Told())

    def _draw_emptiness(self) -> None:
        empty = self.query_one(".empty", Lines)
        empty.display = not self._by_key
        if self._wanted != wanted(""):
            words = "Nothing that happened lately fits this filter. esc clears it."
        elif self.board.deaf:
            words = "Nothing is shown yet."
        elif self.board.link.is_up:
            words = "Nothing has happened yet. What does is shown here at once."
        else:
            words = "The daemon does not run: nothing happens."
        empty.show([Text(), Text(f"  {words}", "bold")])
        told, is_well = self._freshness()
        palette = self.board.palette
        self.query_one(SearchLine).note(told, palette.muted if is_well else palette.deferred)

    def _freshness(self) -> tuple[str, bool]:
        """In a word, and whether all is well."""
        if self._frozen is not None:
            return "LIST FROZEN, f goes on", False
        if not self.board.link.is_up:
            return "stopped", True
        return ("NOT LIVE", False) if self.board.deaf else ("live", True)

    def _draw_row(self, key: str, is_cursor: bool) -> Text:
        event, board = self._by_key.get(key), self.board
        if event is None:
            return Text()
        line = happening_line(event, max(self.size.width, 40), board.glyphs, board.palette)
        if is_cursor:
            line = Text.assemble(board.glyphs.cursor, line[1:])
        return Text(line.plain, board.palette.muted) if board.is_stale else line

    def count(self) -> str:
        new = self._new
        held = f"{new} new, " if new else ""
        return f"{held}{len(self._by_key)} of {len(self.board.happenings)}"

    @property
    def _new(self) -> int:
        """How many came since it was frozen."""
        if not self._frozen:
            return 0 if self._frozen is None else self.board.happenings.version
        return self.board.happenings.version - 1 - self._frozen[-1][0]

    @property
    def _is_at_top(self) -> bool:
        """The cursor goes along with what comes."""
        return self.query_one(Rows).cursor_key == next(iter(self._by_key), None)

    @property
    def current(self) -> Happening | None:
        """The one under the cursor, as of now."""
        return self._by_key.get(self.query_one(Rows).cursor_key or "")

    def truth(self, width: int) -> Text:
        event, board = self.current, self.board
        if board.deaf and (event is None or self._is_at_top):
            line = Text(f" Events are {safe_text(board.deaf, 500)}", board.palette.deferred)
            return clipped(line, width - 1, board.glyphs.ellipsis)
        if event is None:
            return Text()
        who = "/".join(part for part in (event.tenant_id, event.account_id) if part)
        words = f" {event.kind}  {who}  {event.message_id}  {full_words(event)}"
        line = Text(safe_text(words, 500), kind_style(event.kind, self.board.palette))
        return clipped(line, width - 1, self.board.glyphs.ellipsis)

    def take_focus(self) -> None:
        self.query_one(Rows).focus()

    def step_back(self) -> bool:
        if self.query_one(SearchLine).applied:
            self.query_one(SearchLine).clear()
            self._wanted = wanted("")
        elif self._frozen is not None:
            self._frozen = None
        else:
            return False
        self.draw()
        return True

    def exported(self, feed: Feed) -> AsyncIterator[Record]:  # noqa: ARG002 - it has them all
        return each(exporting.event_record(event) for event in self._by_key.values())

    # --- keys, and what its parts tell ---

    def action_freeze(self) -> None:
        self._frozen = self.board.happenings.numbered() if self._frozen is None else None
        self.draw()

    def action_filter(self) -> None:
        self.query_one(SearchLine).open()

    def on_search_line_asked(self, event: SearchLine.Asked) -> None:
        event.stop()
        self._wanted = wanted(event.text)
        self.draw()

    def on_search_line_left(self, event: SearchLine.Left) -> None:
        event.stop()
        self.take_focus()

    def on_rows_moved(self, event: Rows.Moved) -> None:
        event.stop()
        self.post_message(self.Told())

    def on_rows_beyond(self, event: Rows.Beyond) -> None:
        event.stop()  # there is no other page

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """To its message, where it has one."""
        event.stop()
        told = self.current
        if told is None:
            return
        if told.message_id and told.tenant_id:
            self.dashboard.errands.open_message(MessageKey("", told.message_id, told.tenant_id))
        else:
            self.dashboard.notify("This is of no single message.", markup=False)

    def on_resize(self) -> None:
        self.draw()
