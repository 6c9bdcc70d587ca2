"""A view of a few rows that all come at once: accounts, tenants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from rich.text import Text
from textual.app import ComposeResult

from mail_proxy.domain.safe_text import safe_text
from mail_proxy_tui.draw.cells import clipped
from mail_proxy_tui.draw.table import TableColumn, fitting, head_line
from mail_proxy_tui.widgets.lines import Lines
from mail_proxy_tui.widgets.pane import Pane
from mail_proxy_tui.widgets.rows import Rows

Row = TypeVar("Row")


class TablePane(Pane, Generic[Row]):
    """all_columns: what a list of any width may show. empty: what stands where there is no row."""

    all_columns: ClassVar[Sequence[TableColumn]] = ()
    empty: ClassVar[str] = "There is nothing."

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._by_key: dict[str, Row] | None = None
        self._columns: tuple[TableColumn, ...] = ()

    def compose(self) -> ComposeResult:
        yield Lines(classes="heads")
        yield Rows(self._draw_row)
        yield Lines(classes="empty")

    # --- what a table of its own has ---

    def key_of(self, row: Row) -> str:
        """What it is known by, over time."""
        raise NotImplementedError

    def line(self, row: Row, columns: tuple[TableColumn, ...], mark: str) -> Text:
        """The row, drawn."""
        raise NotImplementedError

    def told(self, row: Row) -> Text:
        """What is true of the row under the cursor; foreign text as it came."""
        raise NotImplementedError

    # --- what all have ---

    @property
    def rows(self) -> Rows:
        return self.query_one(Rows)

    @property
    def current(self) -> Row | None:
        """The row under the cursor, as of now: resolved when a key is pressed."""
        return (self._by_key or {}).get(self.rows.cursor_key or "")

    @property
    def shown(self) -> Sequence[Row]:
        return tuple((self._by_key or {}).values())

    def take(self, rows: Sequence[Row]) -> None:
        """Show these."""
        self._by_key = {self.key_of(row): row for row in rows}
        self.rows.show(list(self._by_key))
        self.draw()

    def draw(self) -> None:
        if not self.is_mounted:
            return
        self._columns = fitting(self.all_columns, max(self.size.width, 40))
        is_empty = self._by_key is not None and not self._by_key
        heads, empty = self.query_one(".heads", Lines), self.query_one(".empty", Lines)
        heads.display, empty.display = not is_empty, is_empty
        heads.show([head_line(self._columns, self.board.palette)])
        empty.show([Text(), Text(f"  {self.empty}", "bold")])
        self.rows.show(self.rows.keys)
        self.post_message(self.Told())

    def _draw_row(self, key: str, is_cursor: bool) -> Text:
        row = (self._by_key or {}).get(key)
        if row is None:
            return Text()
        line = self.line(row, self._columns, self.board.glyphs.cursor if is_cursor else " ")
        return Text(line.plain, self.board.palette.muted) if self.board.is_stale else line

    def truth(self, width: int) -> Text:
        row = self.current
        if row is None:
            return Text()
        told = self.told(row)
        line = Text(" " + safe_text(told.plain, 500), told.style)
        return clipped(line, width - 1, self.board.glyphs.ellipsis)

    def count(self) -> str:
        return "" if self._by_key is None else str(len(self._by_key))

    def take_focus(self) -> None:
        self.rows.focus()

    def on_rows_moved(self, event: Rows.Moved) -> None:
        event.stop()
        self.post_message(self.Told())

    def on_rows_beyond(self, event: Rows.Beyond) -> None:
        event.stop()  # there is no other page

    def on_resize(self) -> None:
        self.draw()
