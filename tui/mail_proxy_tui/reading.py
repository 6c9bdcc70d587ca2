"""The message that is looked at: beside the list, where it follows the cursor, or in full."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual.timer import Timer

from mail_proxy_tui.feed.base import Letter, MessageKey, MessageRow
from mail_proxy_tui.loading import Loader
from mail_proxy_tui.pager import open_pager
from mail_proxy_tui.screens.detail import DetailScreen
from mail_proxy_tui.screens.main import MainScreen

if TYPE_CHECKING:
    from mail_proxy_tui.app import DashboardApp

DEBOUNCE_S = 0.15  # the cursor stands still for so long: the detail follows


class Reading:
    """Chooses what the loader watches, and shows what it finds."""

    def __init__(self, app: DashboardApp, loader: Loader, main: MainScreen) -> None:
        self._app = app
        self._loader = loader
        self._main = main
        self._followed = asyncio.Event()  # the detail is that of the cursor's row
        self._followed.set()
        self._resting: Timer | None = None

    @property
    def is_open(self) -> bool:
        """It is read on a screen of its own, not beside the list."""
        return self._detail is not None

    @property
    def _detail(self) -> DetailScreen | None:
        """The message that is open, also under a dialog."""
        return next((s for s in self._app.screen_stack if isinstance(s, DetailScreen)), None)

    def tell(self, letter: Letter | None) -> None:
        """What the loader has found; None: there is no such message."""
        detail = self._detail
        if detail is None:
            self._main.tell_letter(letter)
        elif letter is None:  # what was read of it stays to be read
            self._app.notify("This message is gone.", markup=False)
        else:
            detail.tell_letter(letter)

    # --- beside the list ---

    def follow(self, key: MessageKey | None) -> None:
        """The detail follows the cursor, when it rests; not one that covers the list."""
        if self._detail is not None:
            return
        self._loader.watched = key
        if self._resting is not None:
            self._resting.stop()
        self._followed.clear()
        self._resting = self._app.set_timer(DEBOUNCE_S, self._look)

    def _look(self) -> None:
        self._followed.set()
        self._loader.look_at_letter()

    async def followed(self) -> None:
        """Returns when the message under the cursor is asked for."""
        await self._followed.wait()

    # --- in full ---

    def open(self, row: MessageRow, *, is_of_list: bool = False) -> None:
        """is_of_list: it stands in the list of messages, so others stand before and behind it."""
        self._loader.watched = row.key
        screen = DetailScreen(self._app.board, row, is_of_list=is_of_list)
        self._app.push_screen(screen, lambda _: self._closed())
        self._app.call_after_refresh(self._loader.look_at_letter)

    def step(self, by: int) -> None:
        """The next message of the list, or the one before."""
        screen = self._app.screen
        row = self._main.step_message(by)
        if isinstance(screen, DetailScreen) and row is not None and row.key != screen.row.key:
            screen.turn_to(row)
            self._loader.watched = row.key
            self._loader.look_at_letter()

    def _closed(self) -> None:
        self._loader.watched = None
        if self._main.is_wide:
            self.follow(self._main.message_key)
        self._app.draw()

    def show_in_pager(self, letter: Letter) -> None:
        with self._app.suspend():
            open_pager(letter)
