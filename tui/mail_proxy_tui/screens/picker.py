"""Choose a tenant: type a part of its id or its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.fuzzy import Matcher
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from mail_proxy.domain.safe_text import safe_text
from mail_proxy_tui.draw.cells import fitted
from mail_proxy_tui.feed.base import TenantRow
from mail_proxy_tui.widgets.entry import Entry

_MOST = 200
_ALL = "all"  # an option's id; that of a tenant follows a mark
_MARK = "="


class TenantPicker(ModalScreen[str | None]):
    """Gives the id, an empty text for all tenants, or None when nothing was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "back", id="picker-back"),
        Binding("down", "move(1)", "Down", show=False),
        Binding("up", "move(-1)", "Up", show=False),
    ]

    def __init__(
        self, tenants: Sequence[TenantRow], title: str = "Whose mail", *, with_all: bool = True
    ) -> None:
        super().__init__()
        self._title = title
        self._with_all = with_all
        self._tenants = tenants

    def compose(self) -> ComposeResult:
        with Vertical(id="picker"):
            yield Entry(placeholder="a part of a tenant's id or name", compact=True)
            yield OptionList(compact=True)

    def on_mount(self) -> None:
        self.query_one("#picker").border_title = self._title
        self.query_one(OptionList).can_focus = False
        self._fill("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._fill(event.value)

    def _fill(self, typed: str) -> None:
        options = self.query_one(OptionList)
        options.clear_options()
        if not typed and self._with_all:
            options.add_option(Option(Text("all tenants"), id=_ALL))
        for tenant in best(self._tenants, typed)[:_MOST]:
            name = safe_text(tenant.tenant_id, 64)
            words = Text(fitted(name, max(20, cell_len(name))))
            words.append(f"  {safe_text(tenant.name, 60)}", "dim")
            words.append("" if tenant.is_active else "  inactive", "dim")
            options.add_option(Option(words, id=_MARK + tenant.tenant_id))
        if options.option_count:
            options.highlighted = 0

    def action_move(self, step: int) -> None:
        options = self.query_one(OptionList)
        options.action_cursor_down() if step > 0 else options.action_cursor_up()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            self._choose(options.get_option_at_index(options.highlighted))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._choose(event.option)

    def _choose(self, option: Option) -> None:
        self.dismiss((option.id or "").removeprefix(_MARK) if option.id != _ALL else "")


def best(tenants: Sequence[TenantRow], typed: str) -> list[TenantRow]:
    """Those that match, the best first; all of them, in order of their ids, for an empty text."""
    if not typed:
        return sorted(tenants, key=lambda t: t.tenant_id)
    matcher = Matcher(typed)
    scored = [(max(matcher.match(t.tenant_id), matcher.match(t.name)), t) for t in tenants]
    found = [(score, tenant) for score, tenant in scored if score > 0]
    return [tenant for _, tenant in sorted(found, key=lambda p: (-p[0], p[1].tenant_id))]
