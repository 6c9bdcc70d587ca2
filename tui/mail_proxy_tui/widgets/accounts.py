"""View 2: the accounts, what they may send and what is wrong with them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from mail_proxy_tui import exporting
from mail_proxy_tui.draw.account_table import COLUMNS, account_line, account_truth
from mail_proxy_tui.draw.accounts import in_order
from mail_proxy_tui.draw.table import TableColumn
from mail_proxy_tui.exporting import Record, each
from mail_proxy_tui.feed.base import AccountRow, AccountState, Action, Feed, Verb
from mail_proxy_tui.widgets.rows import Rows
from mail_proxy_tui.widgets.table_pane import TablePane


class AccountsPane(TablePane[AccountRow]):
    """Those with troubles first."""

    title: ClassVar[str] = "Accounts"
    all_columns = COLUMNS
    empty = "No account yet. A adds one."
    acting: ClassVar[frozenset[str]] = frozenset({"pause_account"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "pause_account", "pause/resume sending", id="pause-account"),
    ]

    def key_of(self, row: AccountRow) -> str:
        return "/".join(row.key)

    async def load(self, feed: Feed) -> None:
        self.take(in_order(await feed.accounts(self.board.tenant_id)))

    def line(self, row: AccountRow, columns: tuple[TableColumn, ...], mark: str) -> Text:
        board = self.board
        return account_line(row, columns, board.daemon_now, mark, board.glyphs, board.palette)

    def told(self, row: AccountRow) -> Text:
        return account_truth(row, self.board.daemon_now, self.board.palette)

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """Its last errors."""
        event.stop()
        row = self.current
        if row is not None:
            self.dashboard.errands.open_errors(row)

    def exported(self, feed: Feed) -> AsyncIterator[Record]:  # noqa: ARG002 - it has them all
        return each(exporting.account_record(row) for row in self.shown)

    def action_pause_account(self) -> None:
        row = self.current
        if row is not None:
            verb = Verb.RESUME if row.state is AccountState.PAUSED else Verb.PAUSE
            action = Action(verb, tenant_id=row.tenant_id, account_id=row.account_id)
            self.dashboard.acting.ask(action)
