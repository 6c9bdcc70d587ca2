"""A message in full, on a screen of its own. `esc` goes back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType

from mail_proxy.domain.safe_text import safe_text
from mail_proxy_tui.board import Board
from mail_proxy_tui.draw.title import crumbs_line
from mail_proxy_tui.feed.base import Action, Letter, MessageRow, Verb
from mail_proxy_tui.screens.board_screen import BoardScreen
from mail_proxy_tui.screens.too_small import TooSmall
from mail_proxy_tui.widgets.key_bar import KeyBar
from mail_proxy_tui.widgets.letter import LetterPane
from mail_proxy_tui.widgets.lines import Lines
from mail_proxy_tui.widgets.message_keys import ACTING, MESSAGE_KEYS, MessageActions
from mail_proxy_tui.widgets.views import Views


class DetailScreen(BoardScreen, MessageActions):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.back", "back", id="detail-back"),
        Binding("n", "step(1)", "next", id="next-message"),
        Binding("N", "step(-1)", "previous", id="previous-message"),
        *MESSAGE_KEYS,
        Binding("c", "copy_id", "copy id", id="copy-id"),
        Binding("y", "copy_raw", "copy JSON", id="copy-raw"),
        Binding("e", "page", "$PAGER", id="pager"),
        *(
            Binding(str(n + 1), f"tab({n})", f"Tab {n + 1}", id=f"tab-{n + 1}", show=False)
            for n in range(4)
        ),
    ]

    def __init__(self, board: Board, row: MessageRow, *, is_of_list: bool = False) -> None:
        super().__init__()
        self._is_of_list = is_of_list
        self._board = board
        self.row = row

    def on_mount(self) -> None:
        self.draw()

    def compose(self) -> ComposeResult:
        yield Lines(id="title")
        yield LetterPane(id="letter")
        yield KeyBar()
        yield TooSmall(self._board)

    @property
    def help_title(self) -> str:
        return "Message"

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The keys of the tabs have the names of those that are there."""
        if not self.is_ready:
            return super().active_bindings
        tabs = self.query_one(LetterPane).tabs
        named = {f"tab({n})": name for n, name in enumerate(tabs)}
        return {
            key: found._replace(
                binding=replace(found.binding, description=named[found.binding.action])
            )
            if found.binding.action in named
            else found
            for key, found in super().active_bindings.items()
            if found.binding.action in named or not found.binding.action.startswith("tab(")
        }

    # --- what changes it ---

    @property
    def under_cursor(self) -> MessageRow | None:
        return self.row

    def action_on(self, verb: Verb) -> Action | None:
        return Action(verb, (self.row.key,))

    def rows_of(self, action: Action) -> list[MessageRow]:  # noqa: ARG002 - it is this one
        return [self.row if self.letter is None else self.letter.row]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ACTING and not self._board.can_act:
            return None  # shown dimmed, and refused
        if action == "step" and not self._is_of_list:
            return False  # the list below is another one
        return super().check_action(action, parameters)

    @property
    def letter(self) -> Letter | None:
        return self.query_one(LetterPane).letter

    def draw(self) -> None:
        self.draw_title()
        self.query_one(LetterPane).draw(self._board)

    def draw_title(self) -> None:
        key = self.row.key
        line = crumbs_line(self._board, (key.tenant_id, key.id), self.size.width)
        self.query_one("#title", Lines).show([line])

    def tell_letter(self, letter: Letter | None) -> None:
        """Of another message it is late: the keys act on the one that is shown."""
        if self.is_ready and (letter is None or letter.row.key == self.row.key):
            self.query_one(LetterPane).tell(letter, self._board)

    def turn_to(self, row: MessageRow) -> None:
        self.row = row
        self.tell_letter(None)
        self.draw_title()

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)

    def on_views_chosen(self, event: Views.Chosen) -> None:
        event.stop()
        self.action_tab(event.number)

    def action_tab(self, number: int) -> None:
        self.query_one(LetterPane).choose(number, self._board)

    def action_step(self, by: int) -> None:
        self.dashboard.reading.step(by)

    def action_copy_id(self) -> None:
        """To the clipboard by OSC 52, which not every terminal takes; so it is told as well."""
        text = safe_text(self.row.key.id)
        self.app.copy_to_clipboard(text)
        self.notify(text, title="Copied", markup=False)

    def action_copy_raw(self) -> None:
        letter = self.letter
        if letter is not None:
            self.app.copy_to_clipboard(json.dumps(json.loads(letter.raw), ensure_ascii=True))
            self.notify("The message as JSON", title="Copied", markup=False)

    def action_page(self) -> None:
        letter = self.letter
        if letter is not None:
            self.dashboard.reading.show_in_pager(letter)
