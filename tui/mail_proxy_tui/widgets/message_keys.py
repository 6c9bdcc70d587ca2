"""The keys that change messages: the same in the list and in the detail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding, BindingType

from mail_proxy.domain.state import State
from mail_proxy_tui.feed.base import Action, Done, MessageRow, Verb

if TYPE_CHECKING:
    from mail_proxy_tui.app import DashboardApp

MESSAGE_KEYS: tuple[BindingType, ...] = (
    Binding("r", "retry", "retry", id="retry"),
    Binding("d", "delete", "delete", id="delete"),
    Binding("h", "hold", "hold/free", id="hold", show=False),
    Binding("i", "settle", "settle what is in doubt", id="settle", show=False),
    Binding("s", "suspend", "suspend/activate batch", id="suspend", show=False),
)
ACTING = frozenset({"retry", "delete", "hold", "settle", "suspend"})


class MessageActions:
    """Mixed into what shows messages; all is resolved when the key is pressed."""

    @property
    def dashboard(self) -> DashboardApp:
        raise NotImplementedError

    def action_on(self, verb: Verb) -> Action | None:
        """The action for what is marked, or under the cursor; None: there is nothing."""
        raise NotImplementedError

    def rows_of(self, action: Action) -> list[MessageRow]:
        """Those of its messages that are on the screen."""
        raise NotImplementedError

    def acted(self, action: Action, done: Done) -> None:
        """It is done: marks stay on what was refused."""

    @property
    def under_cursor(self) -> MessageRow | None:
        raise NotImplementedError

    def _act(self, verb: Verb) -> None:
        action = self.action_on(verb)
        if action is not None:
            self.dashboard.acting.messages(
                action, self.rows_of(action), lambda done: self.acted(action, done)
            )

    def action_retry(self) -> None:
        self._act(Verb.RETRY)

    def action_delete(self) -> None:
        self._act(Verb.DELETE)

    def action_hold(self) -> None:
        """Held ones are freed, others held; of both kinds, the others are held."""
        action = self.action_on(Verb.HOLD)
        rows = [] if action is None else self.rows_of(action)
        are_held = bool(rows) and all(row.state is State.HELD for row in rows)
        self._act(Verb.FREE if are_held else Verb.HOLD)

    def action_settle(self) -> None:
        action = self.action_on(Verb.SETTLE_SENT)
        if action is not None:
            self.dashboard.acting.settle(
                action, self.rows_of(action), lambda done: self.acted(action, done)
            )

    def action_suspend(self) -> None:
        row = self.under_cursor
        if row is not None:
            self.dashboard.acting.suspend_of(row)
