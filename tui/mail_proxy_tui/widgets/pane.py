"""A view: one of the lists that the number keys choose.

A view loads what it shows, says what its line of truth is, and which actions it has. To add one,
subclass `Pane` and put it into `VIEWS` of `screens/main.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual.containers import Vertical
from textual.message import Message

from mail_proxy_tui.board import Board
from mail_proxy_tui.exporting import Record
from mail_proxy_tui.feed.base import Feed

if TYPE_CHECKING:
    from mail_proxy_tui.app import DashboardApp


class Pane(Vertical):
    """title: in the line of views. acting: names of its actions that change something; they are
    refused while nothing may be changed. wants_happenings: it shows what is on
    `board.happenings`, and is drawn when more of it comes. has_detail: on a wide screen a message
    in full stands beside it."""

    title: ClassVar[str] = ""
    acting: ClassVar[frozenset[str]] = frozenset()
    wants_happenings: ClassVar[bool] = False
    has_detail: ClassVar[bool] = False

    class Told(Message):
        """Its line of truth, its count or its keys have changed."""

    class Wanted(Message):
        """It wants to be loaded now."""

    @property
    def dashboard(self) -> DashboardApp:
        return cast("DashboardApp", self.app)

    @property
    def board(self) -> Board:
        return self.dashboard.board

    async def load(self, feed: Feed) -> None:
        """Ask for what it shows, and show it. Raises MailProxyError. Called at each interval."""

    def draw(self) -> None:
        """Draw again what it has: the time, the width or the palette may have changed."""

    def take_focus(self) -> None:
        """Focus what the keys go to."""
        self.focus()

    def truth(self, width: int) -> Text:  # noqa: ARG002 - for those that have one
        """One line about the row under the cursor: why it is where it is."""
        return Text()

    def count(self) -> str:
        """How many rows of how many."""
        return ""

    def step_back(self) -> bool:
        """What `esc` does here: a filter, then the marks are cleared. False: nothing is left."""
        return False

    def exported(self, feed: Feed) -> AsyncIterator[Record] | None:  # noqa: ARG002 - see above
        """What `E` writes into a file; None: nothing of it."""
        return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in self.acting and not self.board.can_act:
            return None  # shown dimmed, and refused
        return super().check_action(action, parameters)
