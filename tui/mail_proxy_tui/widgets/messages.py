"""View 1: the messages that a filter finds, a window of at most 200 at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from mail_proxy.domain.errors import Invalid
from mail_proxy_tui import exporting
from mail_proxy_tui.draw.messages import columns_for, heads, row_cells, state_style, why_line
from mail_proxy_tui.draw.notices import empty_lines, since_start
from mail_proxy_tui.exporting import Record
from mail_proxy_tui.feed.base import (
    Action,
    Done,
    Feed,
    MessageKey,
    MessageRow,
    Order,
    Page,
    Query,
    Verb,
)
from mail_proxy_tui.widgets.filter_line import FilterLine
from mail_proxy_tui.widgets.lines import Lines
from mail_proxy_tui.widgets.message_keys import ACTING, MESSAGE_KEYS, MessageActions
from mail_proxy_tui.widgets.pane import Pane
from mail_proxy_tui.widgets.rows import Rows

REST_S = 2.0  # rows change their places only when the cursor has rested so long
UNFILTERED = "state:open,failed"  # a queue is looked at for what has not gone out
_ORDERS = (Order.NEXT, Order.AGE, Order.PRIORITY, Order.TENANT)


class MessagesPane(Pane, MessageActions):
    """marked: what `space` has chosen, by pk."""

    title: ClassVar[str] = "Messages"
    acting: ClassVar[frozenset[str]] = ACTING
    has_detail: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "mark", id="mark"),
        *MESSAGE_KEYS,
        Binding("a", "mark_all", "Mark all that match", id="mark-all", show=False),
        Binding(
            "asterisk",
            "invert_marks",
            "Invert marks",
            key_display="*",
            id="invert-marks",
            show=False,
        ),
        Binding("slash", "filter", "filter", key_display="/", id="filter"),
        Binding("o", "sort", "sort", id="sort", show=False),
        Binding("O", "reverse", "Reverse the order", id="reverse", show=False),
    ]

    class Looked(Message):
        """Another message is under the cursor; None: there is none."""

        def __init__(self, row: MessageRow | None) -> None:
            super().__init__()
            self.row = row

    class Opened(Message):
        """Show it in full."""

        def __init__(self, row: MessageRow) -> None:
            super().__init__()
            self.row = row

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.question = Query()
        self.marked: dict[str, MessageKey] = {}
        self.all_marked: Query | None = None  # all that this finds, seen or not
        self._page: Page | None = None
        self._by_pk: dict[str, MessageRow] = {}
        self._cursors: list[str | None] = [None]  # of the windows up to the one that is shown
        self._moved_at = float("-inf")
        self._columns = columns_for(80)
        self._start: int | None = 0  # where the cursor goes in a page of another question

    def compose(self) -> ComposeResult:
        yield FilterLine(id="filter")
        yield Lines(id="heads")
        yield Rows(self._draw_row, id="rows")
        yield Lines(id="empty")

    # --- loading ---

    async def load(self, feed: Feed) -> None:
        asked, cursor = self._asked(), self._cursors[-1]
        line = self.query_one(FilterLine)
        try:
            page = await feed.page(asked, cursor)
        except Invalid as error:
            # The last good rows stay.
            line.tell_error(str(error).removeprefix("filter: "), self.board.palette.deferred)
            return
        if (asked, cursor) != (self._asked(), self._cursors[-1]):
            return  # another question was asked meanwhile, and its answer is on the way
        line.tell_error("", "")
        line.suggester.tenants = tuple({row.key.tenant_id for row in page.rows})
        line.suggester.accounts = tuple({row.account_id for row in page.rows})
        if not page.rows and len(self._cursors) > 1:
            # The mail of this window is gone; that says nothing of those before it.
            self._cursors.pop()
            self._start = -1
            self.post_message(self.Wanted())
            return
        self._take(page)

    def _asked(self) -> Query:
        return replace(
            self.question,
            filter=self.question.filter or UNFILTERED,
            tenant_id=self.board.tenant_id,
        )

    def _take(self, page: Page) -> None:
        rows = self.query_one(Rows)
        self._page = page
        self._by_pk = {row.key.pk: row for row in page.rows}
        found = list(self._by_pk)
        is_still = self._start is not None or self.board.now - self._moved_at >= REST_S
        rows.show(found if is_still else in_old_places(rows.keys, found), start=self._start)
        self._start = None
        self.draw()

    def _ask_anew(self) -> None:
        self.all_marked = None  # it was of another question
        self._cursors = [None]
        self._start = 0
        self.post_message(self.Wanted())

    def forget(self) -> None:
        """Other mail is shown from now on: no mark and no window of the old one stays, or a key
        would act on what nobody sees any more."""
        self.marked.clear()
        self.all_marked = None
        self._cursors = [None]
        self._start = 0

    # --- drawing ---

    def draw(self) -> None:
        if not self.is_mounted:
            return
        board, width = self.board, max(self.size.width, 40)
        self._columns = columns_for(width, with_tenant=board.tenant_id is None)
        line = Text(" ").join(heads(self._columns, board.palette))
        line = Text.assemble(" ", line)
        self.query_one("#heads", Lines).show([line])
        arrow = board.glyphs.falling if self.question.is_reversed else board.glyphs.rising
        self.query_one(FilterLine).tell_sort(f"{self.question.order.value} {arrow}")
        self._draw_emptiness(width)
        rows = self.query_one(Rows)
        rows.show(rows.keys)
        self.post_message(self.Told())

    def _draw_emptiness(self, width: int) -> None:
        is_empty = self._page is not None and not self._page.rows
        empty = self.query_one("#empty", Lines)
        empty.display = is_empty
        self.query_one("#heads", Lines).display = not is_empty
        if is_empty and self.question.filter:
            words = Text("No message fits this filter. esc clears it.", "bold")
            words.pad_left(max((width - words.cell_len) // 2, 0))
            empty.show([Text(), Text(), words])
        elif is_empty:
            empty.show(empty_lines(self.board, self.board.numbers, width))

    def _draw_row(self, key: str, is_cursor: bool) -> Text:
        row, board = self._by_pk.get(key), self.board
        if row is None:
            return Text()
        cells = row_cells(row, self._columns, board.daemon_now, board.glyphs, board.palette)
        mark = board.glyphs.cursor if is_cursor else " "
        is_marked = key in self.marked or self.all_marked is not None
        if is_marked:
            mark = board.glyphs.mark
        line = Text(mark, "bold" if is_marked else "")
        line.append_text(Text(" ").join(cells[column.key] for column in self._columns))
        if board.is_stale:
            line = Text(line.plain, board.palette.muted)
        return line

    def count(self) -> str:
        page, numbers = self._page, self.board.numbers
        if page is None:
            return ""
        found = f"{len(page.rows)}{'+' if page.next_cursor else ''}"
        if page.count is not None:
            found = f"{'≥ ' if page.count_is_bounded else ''}{page.count}"
        if len(self._cursors) > 1:
            found = f"window {len(self._cursors)} of {found}"
        marked = f"{len(self.marked)} marked, " if self.marked else ""
        marked = "all marked, " if self.all_marked is not None else marked
        of = "" if numbers is None or not self.question.filter else f" of {numbers.all.queued}"
        return f"{marked}{found}{of}"

    def truth(self, width: int) -> Text:
        row, palette = self.current, self.board.palette
        if row is None:
            return Text(f" {since_start(self.board.numbers)}", palette.muted)
        ellipsis, can_act = self.board.glyphs.ellipsis, self.board.can_act
        line = why_line(row, width - 1, ellipsis, can_act=can_act)
        line.stylize(state_style(row, palette))
        return line

    # --- the row, and what is marked ---

    @property
    def current(self) -> MessageRow | None:
        """The message under the cursor, as of now: resolved when a key is pressed."""
        return self._by_pk.get(self.query_one(Rows).cursor_key or "")

    @property
    def under_cursor(self) -> MessageRow | None:
        return self.current

    def action_on(self, verb: Verb) -> Action | None:
        """For all that match, else the marked messages, else the one under the cursor."""
        if self.all_marked is not None:
            asked = self.all_marked
            return Action(verb, filter=asked.filter, tenant_id=asked.tenant_id)
        if self.marked:
            return Action(verb, tuple(self.marked.values()))
        return None if self.current is None else Action(verb, (self.current.key,))

    def rows_of(self, action: Action) -> list[MessageRow]:
        pks = [key.pk for key in action.messages]
        return [self._by_pk[pk] for pk in pks if pk in self._by_pk]

    def acted(self, action: Action, done: Done) -> None:
        refused = [refused.key for refused in done.refused if refused.key is not None]
        self.all_marked = None
        self.marked = {key.pk: key for key in refused} if len(action.messages) > 1 else {}
        self.draw()

    def exported(self, feed: Feed) -> AsyncIterator[Record]:
        return exporting.messages(feed, self._asked())

    def take_focus(self) -> None:
        self.query_one(Rows).focus()

    def step(self, by: int) -> MessageRow | None:
        """Move the cursor; what is under it then."""
        self.query_one(Rows).action_move(by)
        return self.current

    def step_back(self) -> bool:
        if self.question.filter:
            self.question = replace(self.question, filter="")
            self.query_one(FilterLine).put("")
            self._ask_anew()
            return True
        if self.marked or self.all_marked is not None:
            self.clear_marks()
            return True
        return False

    def clear_marks(self) -> None:
        self.marked.clear()
        self.all_marked = None
        self.draw()

    def _take_filter(self, filter_: str) -> None:
        if filter_:
            self.marked.clear()  # a key would act on what this one may hide
        self.question = replace(self.question, filter=filter_)
        self._ask_anew()

    # --- keys ---

    def action_mark(self) -> None:
        row = self.current
        if row is None:
            return
        self.all_marked = None
        if self.marked.pop(row.key.pk, None) is None:
            self.marked[row.key.pk] = row.key
        self.query_one(Rows).action_move(1)
        self.draw()

    def action_mark_all(self) -> None:
        """All that match, also those of other windows; the server finds them."""
        self.marked.clear()
        self.all_marked = None if self.all_marked is not None else self._asked()
        self.draw()

    def action_invert_marks(self) -> None:
        if self.all_marked is not None:
            self.clear_marks()
            return
        for pk, row in self._by_pk.items():
            if self.marked.pop(pk, None) is None:
                self.marked[pk] = row.key
        self.draw()

    def action_filter(self) -> None:
        self.query_one(FilterLine).open()

    def action_sort(self) -> None:
        following = _ORDERS[(_ORDERS.index(self.question.order) + 1) % len(_ORDERS)]
        self.question = replace(self.question, order=following)
        self._ask_anew()
        self.draw()

    def action_reverse(self) -> None:
        self.question = replace(self.question, is_reversed=not self.question.is_reversed)
        self._ask_anew()
        self.draw()

    # --- what its parts tell ---

    def on_filter_line_asked(self, event: FilterLine.Asked) -> None:
        event.stop()
        self._take_filter(event.text)

    def on_filter_line_left(self, event: FilterLine.Left) -> None:
        event.stop()
        self.take_focus()

    def on_rows_moved(self, event: Rows.Moved) -> None:
        event.stop()
        self._moved_at = self.board.now
        self.post_message(self.Looked(self.current))
        self.post_message(self.Told())

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        event.stop()
        row = self.current
        if row is not None:
            self.post_message(self.Opened(row))

    def on_rows_beyond(self, event: Rows.Beyond) -> None:
        """The window before or after this one."""
        event.stop()
        page = self._page
        if event.step > 0 and page is not None and page.next_cursor:
            self._cursors.append(page.next_cursor)
        elif event.step < 0 and len(self._cursors) > 1:
            self._cursors.pop()
        else:
            return
        self._start = 0 if event.step > 0 else -1
        self.post_message(self.Wanted())

    def on_resize(self) -> None:
        self.draw()


def in_old_places(shown: Sequence[str], found: Sequence[str]) -> list[str]:
    """The found keys, those that are shown already in the places they have."""
    there = set(found)
    kept = [key for key in shown if key in there]
    known = set(kept)
    return [*kept, *(key for key in found if key not in known)]
