"""View 5: the log of the daemon; of one that does not run, its file."""

from __future__ import annotations

from contextlib import aclosing
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.worker import Worker

from mail_proxy.domain.errors import MailProxyError
from mail_proxy.domain.safe_text import safe_text
from mail_proxy_tui.draw.log_line import LEVELS
from mail_proxy_tui.feed.base import Feed, LogLine
from mail_proxy_tui.widgets.log_view import LogView
from mail_proxy_tui.widgets.pane import Pane
from mail_proxy_tui.widgets.search_line import SearchLine

FIRST = 1000  # lines of the past
FLUSH_S = 0.1  # lines that come together are painted together


class LogPane(Pane):
    """It listens while it is shown, and begins anew where the daemon comes or goes."""

    title: ClassVar[str] = "Log"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "level", "level", id="log-level"),
        Binding("slash", "search", "search", key_display="/", id="log-search"),
        Binding("n", "match(1)", "next match", id="log-next"),
        Binding("N", "match(-1)", "previous match", id="log-previous", show=False),
    ]

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._feed: Feed | None = None
        self._following: Worker[None] | None = None
        self._waiting: list[LogLine] = []
        self._flushing: Timer | None = None
        self._failure = ""

    def compose(self) -> ComposeResult:
        yield SearchLine("what to look for; n and N go to the next and the previous")
        yield LogView()

    @property
    def view(self) -> LogView:
        return self.query_one(LogView)

    # --- listening ---

    async def load(self, feed: Feed) -> None:
        is_listening = self._following is not None and self._following.is_running
        if is_listening and feed is self._feed:
            return
        self._feed = feed
        self._following = self.run_worker(self._follow(feed), group="log", exclusive=True)

    async def _follow(self, feed: Feed) -> None:
        self._waiting, self._failure = [], ""
        is_new = True
        try:
            async with aclosing(feed.log(FIRST)) as told:
                async for line in told:
                    if is_new:
                        self.view.clear()
                        is_new = False
                    self._waiting.append(line)
                    if self._flushing is None:
                        self._flushing = self.set_timer(FLUSH_S, self._flush)
        except MailProxyError as error:
            self._failure = str(error)  # the next look begins it again
            self.draw()

    def _flush(self) -> None:
        self._flushing = None
        lines, self._waiting = self._waiting, []
        self.view.add(lines)

    def on_hide(self) -> None:
        """Nobody sees it: no line is sent for it."""
        if self._following is not None:
            self._following.cancel()
            self._following = None

    # --- drawing ---

    def draw(self) -> None:
        if not self.is_mounted:
            return
        view = self.view
        if view.palette != self.board.palette:
            view.palette = self.board.palette
            view.refresh()
        self._note()
        self.post_message(self.Told())

    def _note(self) -> None:
        view = self.view
        words = [f"level: {view.level.lower()} and above" if view.level else "level: all"]
        words += [] if view.follows else ["scrolled, G follows"]
        self.query_one(SearchLine).note("   ".join(words))

    def count(self) -> str:
        view = self.view
        lines = f"{view.n_shown} of {view.n_all} lines" if view.level else f"{view.n_all} lines"
        if not view.words:
            return lines
        here, found = view.matches
        return f"match {here or '-'} of {found}, {lines}"

    def truth(self, width: int) -> Text:  # noqa: ARG002 - the words are short
        if self._failure:
            return Text(f" {safe_text(self._failure, 300)}", self.board.palette.failed)
        if self._feed is not None and not self._feed.can_act:
            return Text(
                " read from the log file: the daemon does not run", self.board.palette.muted
            )
        return Text()

    def take_focus(self) -> None:
        self.view.focus()

    def step_back(self) -> bool:
        view = self.view
        if view.words:
            self.query_one(SearchLine).clear()
            view.search("")
        elif view.level:
            view.choose_level("")
        elif not view.follows:
            view.action_follow()
        else:
            return False
        self.draw()
        return True

    # --- keys, and what its parts tell ---

    def action_level(self) -> None:
        following = LEVELS[(LEVELS.index(self.view.level) + 1) % len(LEVELS)]
        self.view.choose_level(following)
        self.draw()

    def action_search(self) -> None:
        self.query_one(SearchLine).open()

    def action_match(self, by: int) -> None:
        if not self.view.words:
            self.action_search()
        elif not self.view.next_match(by):
            self._tell_none()

    def _tell_none(self) -> None:
        self.dashboard.notify("No line has this.", markup=False)

    def on_search_line_asked(self, event: SearchLine.Asked) -> None:
        event.stop()
        if not self.view.search(event.text):
            self._tell_none()
        self.draw()

    def on_search_line_left(self, event: SearchLine.Left) -> None:
        event.stop()
        self.take_focus()

    def on_log_view_moved(self, event: LogView.Moved) -> None:
        event.stop()
        self.draw()
