"""View 3: the tenants, whether they may send, and how their reports go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from mail_proxy_tui import exporting
from mail_proxy_tui.draw.table import TableColumn
from mail_proxy_tui.draw.tenant_table import COLUMNS, tenant_line, tenant_truth
from mail_proxy_tui.exporting import Record
from mail_proxy_tui.feed.base import Feed, TenantRow
from mail_proxy_tui.widgets.rows import Rows
from mail_proxy_tui.widgets.table_pane import TablePane


class TenantsPane(TablePane[TenantRow]):
    title: ClassVar[str] = "Tenants"
    all_columns = COLUMNS
    empty = "No tenant yet. T adds one."
    acting: ClassVar[frozenset[str]] = frozenset({"suspend"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "suspend", "suspend/activate tenant", id="suspend-tenant"),
    ]

    def key_of(self, row: TenantRow) -> str:
        return row.tenant_id

    async def load(self, feed: Feed) -> None:
        """Counted are those on the screen alone: each costs the daemon two questions."""
        chosen = self.board.tenant_id
        rows = await feed.tenants()
        self.take([row for row in rows if chosen in (None, row.tenant_id)])
        visible = set(self.rows.visible_keys)
        counted = await feed.counted([row for row in self.shown if row.tenant_id in visible])
        by_id = {row.tenant_id: row for row in counted}
        self.take([by_id.get(row.tenant_id, row) for row in self.shown])

    def on_rows_moved(self, event: Rows.Moved) -> None:
        super().on_rows_moved(event)
        current = self.current
        if current is not None and current.ready is None:
            self.post_message(self.Wanted())  # what came onto the screen is not counted yet

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

    def exported(self, feed: Feed) -> AsyncIterator[Record]:
        return exporting.tenants(feed, self.shown)

    def action_suspend(self) -> None:
        row = self.current
        if row is not None:
            self.dashboard.acting.suspend_tenant(row)
