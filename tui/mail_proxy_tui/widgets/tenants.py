"""View 3: the tenants, whether they may send, and how their reports go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from mail_proxy_tui import exporting
from mail_proxy_tui.draw.table import TableColumn
from mail_proxy_tui.draw.tenant_table import COLUMNS, tenant_line, tenant_truth
from mail_proxy_tui.exporting import Record, each
from mail_proxy_tui.feed.base import Feed, TenantRow
from mail_proxy_tui.widgets.rows import Rows
from mail_proxy_tui.widgets.table_pane import TablePane


class TenantsPane(TablePane[TenantRow]):
    title: ClassVar[str] = "Tenants"
    all_columns = COLUMNS
    empty = "No tenant yet. T adds one."
    acting: ClassVar[frozenset[str]] = frozenset({"suspend"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "suspend", "suspend/activate", id="suspend-tenant"),
    ]

    def key_of(self, row: TenantRow) -> str:
        return row.tenant_id

    async def load(self, feed: Feed) -> None:
        chosen = self.board.tenant_id
        rows = await feed.tenants()
        self.take([row for row in rows if chosen in (None, row.tenant_id)])

    def line(self, row: TenantRow, columns: tuple[TableColumn, ...], mark: str) -> Text:
        board = self.board
        return tenant_line(row, columns, board.daemon_now, mark, board.glyphs, board.palette)

    def told(self, row: TenantRow) -> Text:
        return tenant_truth(row, self.board.daemon_now, self.board.palette)

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """Its messages."""
        event.stop()
        row = self.current
        if row is not None:
            self.dashboard.show_tenant_messages(row.tenant_id)

    def exported(self, feed: Feed) -> AsyncIterator[Record]:  # noqa: ARG002 - it has them all
        return each(exporting.tenant_record(row) for row in self.shown)

    def action_suspend(self) -> None:
        row = self.current
        if row is not None:
            self.dashboard.acting.suspend_tenant(row)
