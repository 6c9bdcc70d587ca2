"""The one screen: numbers, a list, and one line of truth above the keys."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.widgets import ContentSwitcher

from mail_proxy.domain.safe_text import safe_text
from mail_proxy_tui.board import Board
from mail_proxy_tui.draw.happenings import latest_lines
from mail_proxy_tui.draw.notices import down_lines
from mail_proxy_tui.feed.base import Letter, MessageKey, MessageRow
from mail_proxy_tui.feed.link import versions_differ
from mail_proxy_tui.screens.board_screen import BoardScreen
from mail_proxy_tui.screens.too_small import TooSmall
from mail_proxy_tui.widgets.accounts import AccountsPane
from mail_proxy_tui.widgets.bands import AccountsBand, QueueBand, ThroughputBand, Title
from mail_proxy_tui.widgets.events import EventsPane
from mail_proxy_tui.widgets.key_bar import KeyBar
from mail_proxy_tui.widgets.letter import LetterPane
from mail_proxy_tui.widgets.lines import Lines, entitle
from mail_proxy_tui.widgets.log import LogPane
from mail_proxy_tui.widgets.messages import MessagesPane
from mail_proxy_tui.widgets.pane import Pane
from mail_proxy_tui.widgets.tenants import TenantsPane
from mail_proxy_tui.widgets.views import Views

WIDE = 120  # columns from which the detail stands beside the list
TALL = 36  # lines from which what happens stands below

# The views, by their number keys: 1 is the first.
VIEWS: tuple[type[Pane], ...] = (MessagesPane, AccountsPane, TenantsPane, EventsPane, LogPane)


class MainScreen(BoardScreen):
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(n + 1), f"view({n})", view.title, id=f"view-{n + 1}", show=False)
            for n, view in enumerate(VIEWS)
        ),
        Binding("z", "zoom", "zoom", id="zoom", show=False),
        Binding("escape", "back", "Back", id="back", show=False),
    ]

    def __init__(self, board: Board) -> None:
        super().__init__()
        self._board = board
        self._number = 0
        self._panes: tuple[Pane, ...] = ()

    def compose(self) -> ComposeResult:
        yield Title(id="title")
        with Container(id="bands"):
            yield QueueBand(id="queue")
            yield ThroughputBand(id="throughput")
            yield AccountsBand(id="accounts")
        yield Lines(id="notice")
        with Horizontal(id="middle"):
            with Vertical(id="list"):
                yield Views(id="views")
                with ContentSwitcher(initial="view-1", id="panes"):
                    for n, view in enumerate(VIEWS):
                        yield view(id=f"view-{n + 1}")
            yield LetterPane(with_tabs=False, id="side")
        yield Lines(id="events")
        yield Lines(id="truth")
        yield KeyBar()
        yield TooSmall(self._board)

    def on_mount(self) -> None:
        self.pane.take_focus()
        self.draw()

    @property
    def panes(self) -> tuple[Pane, ...]:
        if not self._panes:  # to look for them is a tenth of what a second costs
            self._panes = tuple(self.query(Pane))
        return self._panes

    @property
    def pane(self) -> Pane:
        """The view that is shown."""
        return self.panes[self._number]

    @property
    def is_wide(self) -> bool:
        return self.size.width >= WIDE

    def step_message(self, by: int) -> MessageRow | None:
        """Move the cursor of the list of messages; what is under it then."""
        return self.query_one(MessagesPane).step(by)

    @property
    def message_key(self) -> MessageKey | None:
        """The message under the cursor of their list; None: the list is empty."""
        row = self.query_one(MessagesPane).current
        return None if row is None else row.key

    def forget(self) -> None:
        """Another tenant's mail is shown from now on."""
        self.query_one(MessagesPane).forget()

    @property
    def help_title(self) -> str:
        return self.pane.title

    # --- drawing ---

    def draw(self) -> None:
        """All of it, from the board; what has not changed is not painted again."""
        board, is_wide = self._board, self.is_wide
        self.query_one(Title).draw(board)
        self.query_one(QueueBand).draw(board, is_wide=is_wide)
        self.query_one(ThroughputBand).draw(board, is_wide=is_wide)
        self.query_one(AccountsBand).draw(board, is_wide=is_wide)
        notice = self.query_one("#notice", Lines)
        lines = down_lines(board, self.size.width)
        notice.set_class(bool(lines), "-told")
        notice.show(lines)
        self.pane.draw()
        self.query_one("#side", LetterPane).draw(board)
        self._draw_events()
        self._draw_frame()

    def draw_accounts(self) -> None:
        if self.is_ready:
            self.query_one(AccountsBand).draw(self._board, is_wide=self.is_wide)

    def draw_happenings(self) -> None:
        """What happens: below on a tall screen, and in the view that shows it."""
        if not self.is_ready:
            return
        self._draw_events()
        if self.pane.wants_happenings:
            self.pane.draw()

    @property
    def wants_happenings(self) -> bool:
        return self.is_ready and (self._has_events or self.pane.wants_happenings)

    @property
    def _has_events(self) -> bool:
        return self.is_wide and self.size.height >= TALL and not self.has_class("-zoomed")

    def _draw_events(self) -> None:
        if not self._has_events:
            return
        board, events = self._board, self.query_one("#events", Lines)
        how = "live" if board.link.is_up else "stopped"
        if board.deaf:
            how = f"NOT LIVE, {safe_text(board.deaf, 200)}"
        entitle(events, f"Events  {how}")
        width, height = events.content_size
        found = board.happenings.all()
        events.show(latest_lines(found, width, height, board.glyphs, board.palette))

    def draw_title(self) -> None:
        """What a second changes."""
        self.query_one(Title).draw(self._board)

    def tell_letter(self, letter: Letter | None) -> None:
        if not self.is_ready:
            return
        side = self.query_one("#side", LetterPane)
        if letter is not None:
            row = letter.row
            names = (safe_text(row.key.id, 255), safe_text(row.key.tenant_id, 64))
            entitle(side, "  ".join(names))
        side.tell(letter, self._board)

    def _draw_frame(self) -> None:
        """The line of views and the line of truth, which belong to the view that is shown."""
        pane = self.pane
        entitle(self.query_one("#list"), pane.title)
        views = self.query_one(Views)
        titles = [each.title for each in self.panes]
        views.tell(titles, self._number, pane.count(), views.size.width)
        self.query_one("#truth", Lines).show([self._warning() or pane.truth(self.size.width)])

    def _warning(self) -> Text | None:
        board = self._board
        if board.exporting:
            return Text(f" {board.exporting}", board.palette.sending)
        numbers, daemon = board.numbers, board.daemon
        if not board.link.is_up:
            return None
        if numbers is not None and numbers.problem:
            return Text(f" {numbers.problem}", board.palette.failed)
        if daemon is not None and versions_differ(board.our_version, daemon.version):
            return Text(
                f" daemon {safe_text(daemon.version, 20)}, dashboard {board.our_version};"
                f" restart the daemon: mail-proxy restart {board.instance}",
                board.palette.deferred,
            )
        return None

    # --- keys ---

    def action_view(self, number: int) -> None:
        if not 0 <= number < len(VIEWS):
            return
        self._number = number
        self.query_one(ContentSwitcher).current = f"view-{number + 1}"
        self.set_class(not self.pane.has_detail, "-alone")
        self.set_class(self.pane.wants_happenings, "-eventful")
        self.pane.take_focus()
        self.draw()
        self.dashboard.load_view()
        self.dashboard.follow()

    def action_back(self) -> None:
        if not self.dashboard.errands.stop_export() and not self.pane.step_back():
            self._unzoom()
        self._draw_frame()

    def action_zoom(self) -> None:
        """What has the focus takes the room of all but the lines at the ends."""
        if self._unzoom():
            return
        is_side = self.query_one("#side").has_focus_within
        self.add_class("-zoomed", "-side-zoomed" if is_side else "-list-zoomed")
        self.call_after_refresh(self._resized)

    def _unzoom(self) -> bool:
        """False: it was not zoomed."""
        was_zoomed = self.has_class("-zoomed")
        self.remove_class("-zoomed", "-side-zoomed", "-list-zoomed")
        if was_zoomed:
            self.call_after_refresh(self._unzoomed)
        return was_zoomed

    def _unzoomed(self) -> None:
        self.pane.take_focus()
        self._resized()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "zoom" and not self.is_wide:
            return None  # a narrow one has no room to gain; shown dimmed, and refused
        return super().check_action(action, parameters)

    # --- what its parts tell ---

    def on_views_chosen(self, event: Views.Chosen) -> None:
        event.stop()
        self.action_view(event.number)

    def on_pane_told(self, event: Pane.Told) -> None:
        event.stop()
        self._draw_frame()

    def on_pane_wanted(self, event: Pane.Wanted) -> None:
        event.stop()
        self.dashboard.load_view()

    def on_messages_pane_looked(self, event: MessagesPane.Looked) -> None:
        event.stop()
        if self.is_wide:
            self.dashboard.reading.follow(event.row.key if event.row else None)

    def on_messages_pane_opened(self, event: MessagesPane.Opened) -> None:
        event.stop()
        self.dashboard.reading.open(event.row, is_of_list=True)

    def on_resize(self) -> None:
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        if self.focused is None:  # it was too small to show anything
            self.pane.take_focus()
        self.draw()
        self.dashboard.follow()
        key = self.message_key
        if self.is_wide and key is not None:
            self.dashboard.reading.follow(key)
