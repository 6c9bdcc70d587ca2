"""The last errors of an account: the messages whose last try it refused."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from mail_proxy.domain.safe_text import safe_text
from mail_proxy.domain.why import mend_of_pause
from mail_proxy_tui.board import Board
from mail_proxy_tui.draw.account_table import account_truth
from mail_proxy_tui.draw.cells import clipped
from mail_proxy_tui.draw.messages import short_age, state_style, state_word
from mail_proxy_tui.draw.table import TableColumn, fitting, head_line, row_line
from mail_proxy_tui.draw.title import crumbs_line
from mail_proxy_tui.feed.base import AccountRow, AccountState, MessageRow
from mail_proxy_tui.screens.board_screen import BoardScreen
from mail_proxy_tui.screens.too_small import TooSmall
from mail_proxy_tui.widgets.key_bar import KeyBar
from mail_proxy_tui.widgets.lines import Lines
from mail_proxy_tui.widgets.rows import Rows

COLUMNS = (
    TableColumn("age", "AGE", 4, right=True),
    TableColumn("state", "STATE", 8),
    TableColumn("id", "ID", 10, grows=1, most=24),
    TableColumn("to", "TO", 16, grows=2, most=40),
    TableColumn("why", "ERROR", 30, grows=5),
)


class ErrorsScreen(BoardScreen):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.back", "back", id="errors-back")
    ]

    def __init__(self, board: Board, account: AccountRow) -> None:
        super().__init__()
        self._board = board
        self.account = account
        self._by_pk: dict[str, MessageRow] | None = None

    def compose(self) -> ComposeResult:
        yield Lines(id="title")
        yield Lines(id="errors-why")
        yield Lines(classes="heads")
        yield Rows(self._draw_row)
        yield Lines(classes="empty")
        yield Lines(id="truth")
        yield KeyBar()
        yield TooSmall(self._board)

    @property
    def help_title(self) -> str:
        return "Last errors"

    @property
    def rows(self) -> Rows:
        return self.query_one(Rows)

    def on_mount(self) -> None:
        self.rows.focus()
        self.draw()

    def tell(self, rows: tuple[MessageRow, ...]) -> None:
        self._by_pk = {row.key.pk: row for row in rows}
        self.rows.show(list(self._by_pk))
        self.draw()

    def draw(self) -> None:
        board, account = self._board, self.account
        self.draw_title()
        why = account_truth(account, board.daemon_now, board.palette)
        line = Text(" " + safe_text(why.plain, 500), why.style)
        width, ellipsis = max(self.size.width, 40), board.glyphs.ellipsis
        lines = [line]
        if self._mend:
            lines.append(Text(f" What helps: {safe_text(self._mend, 300)}", "bold"))
        self.query_one("#errors-why", Lines).show([clipped(t, width, ellipsis) for t in lines])
        self.query_one(".heads", Lines).show([head_line(self._columns, board.palette)])
        empty = self.query_one(".empty", Lines)
        empty.display = self._by_pk is not None and not self._by_pk
        empty.show([Text(), Text("  No message of it was refused lately.", "bold")])
        self.rows.show(self.rows.keys)
        self._draw_truth()

    @property
    def _mend(self) -> str:
        """What to type for an account that a limit or a fault has paused."""
        board, account = self._board, self.account
        if account.state in (AccountState.OK, AccountState.PAUSED) or board.url:
            return ""
        return mend_of_pause(
            board.instance, *account.key, account.reason, has_password=account.has_password
        )

    def draw_title(self) -> None:
        crumbs = (self.account.tenant_id, self.account.account_id, "last errors")
        line = crumbs_line(self._board, crumbs, self.size.width)
        self.query_one("#title", Lines).show([line])

    @property
    def _columns(self) -> tuple[TableColumn, ...]:
        return fitting(COLUMNS, max(self.size.width, 40))

    def _draw_row(self, key: str, is_cursor: bool) -> Text:
        row, board = (self._by_pk or {}).get(key), self._board
        if row is None:
            return Text()
        texts: dict[str, Text | str] = {
            "age": short_age(board.daemon_now - row.created_at),
            "state": Text(state_word(row), state_style(row, board.palette)),
            "id": row.key.id,
            "to": row.to,
            "why": row.why,
        }
        mark = board.glyphs.cursor if is_cursor else " "
        return row_line(self._columns, texts, mark, board.glyphs)

    def _draw_truth(self) -> None:
        row = (self._by_pk or {}).get(self.rows.cursor_key or "")
        line = Text("" if row is None else f" {safe_text(row.why, 500)}", self._board.palette.muted)
        shown = clipped(line, max(self.size.width, 40) - 1, self._board.glyphs.ellipsis)
        self.query_one("#truth", Lines).show([shown])

    def on_rows_moved(self, event: Rows.Moved) -> None:
        event.stop()
        self._draw_truth()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        event.stop()
        row = (self._by_pk or {}).get(event.key)
        if row is not None:
            self.dashboard.reading.open(row)

    def on_rows_beyond(self, event: Rows.Beyond) -> None:
        event.stop()  # there is no other page

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)
