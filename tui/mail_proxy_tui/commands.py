"""Every action that has a key: its name, its line in the help, its entry in the palette."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen

from mail_proxy_tui.screens.confirm import ConfirmScreen, SettleScreen
from mail_proxy_tui.screens.detail import DetailScreen
from mail_proxy_tui.screens.errors import ErrorsScreen
from mail_proxy_tui.screens.export import ExportScreen
from mail_proxy_tui.screens.help import Keys
from mail_proxy_tui.screens.main import VIEWS, MainScreen
from mail_proxy_tui.screens.new_key import NewKeyScreen
from mail_proxy_tui.widgets.filter_line import FilterInput
from mail_proxy_tui.widgets.log_view import LogView
from mail_proxy_tui.widgets.rows import Rows
from mail_proxy_tui.widgets.search_line import SearchInput

_SCREENS = (
    MainScreen, DetailScreen, ErrorsScreen, ConfirmScreen, SettleScreen, ExportScreen, NewKeyScreen,
)  # fmt: skip
_OWNERS: tuple[type[DOMNode], ...] = (
    *_SCREENS, *VIEWS, Rows, LogView, FilterInput, SearchInput,
)  # fmt: skip


def action_ids(app: type[App[Any]]) -> frozenset[str]:
    """The names that a user may give other keys."""
    return frozenset(
        binding.id
        for owner in (app, *_OWNERS)
        for binding in owner.BINDINGS
        if isinstance(binding, Binding) and binding.id
    )


def keys_of(app: App[Any], screen: Screen[Any]) -> Keys:
    """Those of what is on the screen."""
    known = action_ids(type(app))
    return merged(
        [
            (app.get_key_display(binding), binding.description, is_on)
            for _, binding, is_on, _ in screen.active_bindings.values()
            if binding.id in known
        ]
    )


def commands_of(app: App[Any], screen: Screen[Any]) -> Iterator[SystemCommand]:
    """Those that do something now, each once."""
    seen: set[str] = set()
    known = action_ids(type(app))
    for node, binding, is_on, _ in screen.active_bindings.values():
        if binding.id in known and is_on and binding.action not in seen:
            seen.add(binding.action)
            run = _runner(app, binding.action, node)
            title = binding.description[0].upper() + binding.description[1:]
            yield SystemCommand(title, f"key {app.get_key_display(binding)}", run)


def _runner(app: App[Any], action: str, node: DOMNode) -> Callable[[], object]:
    async def run() -> None:
        await app.run_action(action, default_namespace=node)

    return run


def merged(keys: Keys) -> Keys:
    """One line for each thing that is done, its keys together."""
    found: dict[str, tuple[list[str], bool]] = {}
    for key, words, is_on in keys:
        found.setdefault(words, ([], is_on))[0].append(key)
    return [(" ".join(dict.fromkeys(k)), words, is_on) for words, (k, is_on) in found.items()]
