"""The dashboard: its keys, its theme, its screens. What it knows is on the board.

It is long because every key that works everywhere ends here; what takes more than a line is in
`acting`, `errands` and `reading`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.theme import Theme, ThemeProvider
from textual.timer import Timer
from textual.worker import Worker

from mail_proxy.domain.safe_text import safe_text
from mail_proxy_tui.acting import Acting
from mail_proxy_tui.board import Board
from mail_proxy_tui.colours import palette_of
from mail_proxy_tui.draw.questions import Question
from mail_proxy_tui.feed.base import Feed, Letter
from mail_proxy_tui.feed.link import Phase
from mail_proxy_tui.loading import Loader
from mail_proxy_tui.preferences import Preferences, default_theme
from mail_proxy_tui.reading import Reading
from mail_proxy_tui.screens.board_screen import BoardScreen
from mail_proxy_tui.screens.confirm import ConfirmScreen, SettleScreen
from mail_proxy_tui.screens.help import HelpScreen
from mail_proxy_tui.screens.main import MainScreen
from mail_proxy_tui.screens.picker import TenantPicker
from mail_proxy_tui.screens.too_small import is_too_small
from mail_proxy_tui.sources import Sources
from mail_proxy_tui.widgets.plain_bar import PlainBar

if TYPE_CHECKING:
    from mail_proxy_tui.errands import Errands

INTERVALS_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
BEAT_S = 1.0  # the countdown, the clock, and looking whether anything is due
BLUR_S = 60.0  # nobody looks for so long: it rests
FLUSH_S = 1.0  # what happens is drawn that late at most
# Classes of a screen, by its columns and lines; the style sheet has what each means.
_WIDTHS: list[tuple[int, str]] | None = [(0, "-tiny"), (60, "-narrow"), (120, "-wide")]
_HEIGHTS: list[tuple[int, str]] | None = [(0, "-flat"), (15, "-low"), (36, "-tall")]

_QUIT = "q,ctrl+c"
_CHANGING = frozenset({"run_now", "new_tenant", "new_account"})


class DashboardApp(App[None]):
    """crash: the bug that ended it; whoever ran it raises it again, on a sane terminal."""

    CSS_PATH = "style.tcss"
    TITLE = "mail-proxy"
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    VERTICAL_BREAKPOINTS = _HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "tenant", "tenant", id="tenant", show=False),
        Binding("plus", "slower", "Interval longer", key_display="+", id="slower", show=False),
        Binding("minus", "faster", "Interval shorter", key_display="-", id="faster", show=False),
        Binding("ctrl+r", "look", "Refresh now", id="refresh", show=False),
        Binding("R", "run_now", "run now", id="run-now"),
        Binding("p", "pause", "freeze screen", id="pause"),
        Binding("E", "export", "Export to a file", id="export", show=False),
        Binding("T", "new_tenant", "New tenant", id="new-tenant", show=False),
        Binding("A", "new_account", "New account", id="new-account", show=False),
        Binding("S", "start", "start daemon", id="start"),
        Binding("question_mark,f1", "help", "help", key_display="?", id="help"),
        Binding(
            "ctrl+z",
            "suspend_process",
            "to the shell; fg comes back",
            id="to-shell",
            show=False,
            priority=True,
        ),
        Binding(_QUIT, "quit", "quit", id="quit", priority=False),
    ]

    def __init__(
        self,
        board: Board,
        sources: Sources,
        preferences: Preferences,
        *,
        clock: Callable[[], float] = time.monotonic,
        has_truecolor: bool = True,
        beat_s: float | None = BEAT_S,
        flush_s: float = FLUSH_S,
    ) -> None:
        super().__init__()
        self.board = board
        self.crash: Exception | None = None
        self._preferences = preferences
        self._default_theme = default_theme(has_truecolor=has_truecolor)
        self._kept_theme = ""
        self.clock = clock
        self._loader = Loader(self, board, sources, clock)
        self.acting = Acting(self)
        self._main = MainScreen(board)
        self.reading = Reading(self, self._loader, self._main)
        self._beat_s = beat_s
        self._flush_s = flush_s
        self._blurred_at: float | None = None
        self._began = asyncio.Event()
        self._flushing: Timer | None = None

    @cached_property
    def errands(self) -> Errands:
        from mail_proxy_tui.errands import Errands  # with all that the first numbers do without

        return Errands(self)

    # --- from start to end ---

    def get_default_screen(self) -> Screen[None]:
        return self._main

    def on_mount(self) -> None:
        chosen = self._preferences.theme
        self.theme = chosen if chosen in self.available_themes else self._default_theme
        self._kept_theme = self.theme
        self.theme_changed_signal.subscribe(self, self._take_theme)
        # What had not changed would stay unpainted after `fg`.
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))
        self._take_theme(self.current_theme)
        self.set_keymap(dict(self._preferences.keys))
        self.set_class(self.board.glyphs.is_ascii, "-ascii")
        ScrollBar.renderer = PlainBar if self.board.glyphs.is_ascii else ScrollBarRender
        self.board.now = self.clock()
        if self._beat_s is not None:
            self.set_interval(self._beat_s, self.beat)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """The first frame is painted before anything is imported for the first answer."""
        self._loader.look()
        self._began.set()

    async def on_unmount(self) -> None:
        await self._loader.aclose()

    def _handle_exception(self, error: Exception) -> None:
        # Textual prints the values of local variables, secrets among them, and exits with 0. Ours
        # is raised again by `run`, and its trace goes into a file without them.
        self.crash = self.crash or error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        self._close_messages_no_wait()

    def _take_theme(self, theme: Theme) -> None:
        self.board.palette = palette_of(self.theme_variables, has_colours=not self.no_color)
        if theme.name != self._kept_theme:
            self._kept_theme = theme.name
            self._preferences.keep_theme(theme.name)
        self.draw()

    async def settled(self) -> None:
        """The first answers are here and drawn."""
        await self._began.wait()
        await self.arrived()

    async def arrived(self) -> None:
        """What was asked for before is here; the detail follows the cursor a little later."""
        await self.reading.followed()
        await self._loader.settled()

    # --- the loader's host ---

    def beat(self) -> None:
        """Each second: the time goes on, and what is due is asked for."""
        was = self.board.link.phase
        if self._blurred_at is not None:
            self.board.is_resting = self.clock() - self._blurred_at >= BLUR_S
        self._loader.beat()
        if not self._is_covered:
            self._draw_title()
        if self.board.link.phase is not was:
            self.draw()

    @property
    def _is_covered(self) -> bool:
        """A dialog is open: what is under it stands still."""
        return self.screen.is_modal

    def _draw_title(self) -> None:
        screen = self.screen
        if isinstance(screen, BoardScreen) and screen.is_ready:
            screen.draw_title()

    def draw(self) -> None:
        screen = self.screen
        if isinstance(screen, BoardScreen) and screen.is_ready:
            screen.draw()
            screen.refresh_bindings()  # the bar of the keys looks whether others are offered

    async def load_pane(self, feed: Feed) -> None:
        await self._main.pane.load(feed)

    def tell_letter(self, letter: Letter | None) -> None:
        self.reading.tell(letter)

    @property
    def is_letter_open(self) -> bool:
        return self.reading.is_open

    def draw_accounts(self) -> None:
        if self.screen is self._main:
            self._main.draw_accounts()

    @property
    def wants_happenings(self) -> bool:
        return self._main.wants_happenings

    def draw_happenings(self) -> None:
        if self._flushing is None:
            self._flushing = self.set_timer(self._flush_s, self._draw_happenings)

    def _draw_happenings(self) -> None:
        self._flushing = None
        if self.screen is self._main:
            self._main.draw_happenings()

    # --- what the screens ask for ---

    def follow(self) -> None:
        """There may be room for what happens now, or none any more."""
        self._loader.follow()

    def load_view(self) -> None:
        """The list is another one, or another question: ask now."""
        self._loader.look_at_view()

    # --- what changes something ---

    @property
    def feed(self) -> Feed | None:
        return self._loader.feed

    def show_tenant_messages(self, tenant_id: str) -> None:
        self._main.action_view(0)
        self.show_tenant(tenant_id)

    def work(self, task: Coroutine[None, None, None]) -> Worker[None]:
        return self.run_worker(task, group="act")

    async def confirmed(self, question: Question) -> bool:
        key: str = await self.push_screen_wait(ConfirmScreen(question))
        return bool(key)

    async def settled_as(self, question: Question) -> str:
        return await self.push_screen_wait(SettleScreen(question))

    def say(self, text: str, *, is_good: bool, seconds: float | None = None) -> None:
        severity: SeverityLevel = "information" if is_good else "warning"
        self.notify(text, severity=severity, markup=False, timeout=seconds)

    def look_anew(self) -> None:
        self._loader.look()
        self._loader.look_at_view()
        if self._loader.watched is not None:
            self._loader.look_at_letter()

    def action_run_now(self) -> None:
        self.acting.run_now()

    def action_new_tenant(self) -> None:
        self.errands.new_tenant()

    def action_new_account(self) -> None:
        self.errands.new_account()

    def action_export(self) -> None:
        self.errands.export(self._main.pane)

    # --- keys ---

    async def on_event(self, event: events.Event) -> None:
        """Without room nobody sees what a key would do: then there is only the way out."""
        is_input = isinstance(event, events.InputEvent | events.Paste) and not event.is_forwarded
        if not is_input or not is_too_small(self.size):
            await super().on_event(event)
        elif isinstance(event, events.Key) and event.key in self._keys_out:
            await self.action_quit()

    @property
    def _keys_out(self) -> list[str]:
        return self._preferences.keys.get("quit", _QUIT).split(",")

    def on_resize(self, event: events.Resize) -> None:
        if not is_too_small(event.size):
            self.call_after_refresh(self._focus_again)

    def _focus_again(self) -> None:
        """What was hidden for want of room has lost the focus."""
        for screen in self.screen_stack:
            if screen is not self._main and screen.focused is None:
                wanted = screen.AUTO_FOCUS or self.AUTO_FOCUS or "*"
                able = (each for each in screen.query(wanted) if each.focusable)
                screen.set_focus(next(able, None), scroll_visible=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "start":
            # Offered where it helps, and nowhere else.
            is_ours = not self.board.is_read_only and not self.board.url
            return self.board.link.phase is Phase.DOWN and is_ours
        if action in _CHANGING and not self.board.can_act:
            return None  # shown dimmed, and refused
        return super().check_action(action, parameters)

    async def action_back(self) -> None:
        if len(self.screen_stack) > 1:
            await self.screen.dismiss(None)

    def action_pause(self) -> None:
        self.board.is_paused = not self.board.is_paused
        if not self.board.is_paused:
            self._loader.look()
        self._draw_title()

    def action_slower(self) -> None:
        self._change_interval(1)

    def action_faster(self) -> None:
        self._change_interval(-1)

    def _change_interval(self, by: int) -> None:
        place = INTERVALS_S.index(self.board.interval_s) + by
        self.board.interval_s = INTERVALS_S[min(max(place, 0), len(INTERVALS_S) - 1)]
        self._draw_title()

    def action_look(self) -> None:
        self._loader.look_at_once()

    async def action_start(self) -> None:
        self.notify("Starting the daemon", markup=False)
        self.run_worker(self._start(), group="start", exclusive=True)

    async def _start(self) -> None:
        failure = await self._loader.start_daemon()
        if failure:
            self.notify(safe_text(failure, 500), title="Not started", severity="error",
                        markup=False, timeout=10)  # fmt: skip

    def action_tenant(self) -> None:
        self.run_worker(self._pick_tenant(), group="tenant", exclusive=True)

    async def _pick_tenant(self) -> None:
        tenants = await self._loader.tenants()
        chosen = await self.push_screen_wait(TenantPicker(tenants))
        if chosen is not None:
            self.show_tenant(chosen or None)

    def show_tenant(self, tenant_id: str | None) -> None:
        """Show one tenant's mail; None: everybody's."""
        if tenant_id != self.board.tenant_id:
            self._main.forget()
            self._loader.forget()
        self.board.tenant_id = tenant_id
        self._loader.look()
        self.load_view()
        self.draw()

    def action_help(self) -> None:
        from mail_proxy_tui.commands import keys_of

        on_top = self.screen
        title = on_top.help_title if isinstance(on_top, BoardScreen) else ""
        self.push_screen(HelpScreen(title, keys_of(self, self.screen)))

    def action_command_palette(self) -> None:
        if not isinstance(self.screen, CommandPalette):
            # Textual's own words end with three dots that are one letter.
            self.push_screen(CommandPalette(id="--command-palette", placeholder="a command"))

    def search_themes(self) -> None:
        self.push_screen(CommandPalette(providers=[ThemeProvider], placeholder="a theme"))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: the theme and the picture of Textual, and every action that has a key."""
        from mail_proxy_tui.commands import commands_of

        for command in super().get_system_commands(screen):
            if command.title in ("Theme", "Screenshot"):
                yield command
        yield from commands_of(self, screen)

    def get_key_display(self, binding: Binding) -> str:
        """As Textual shows it, in letters where only letters can be shown."""
        shown = super().get_key_display(binding)
        return shown if shown.isascii() or not self.board.glyphs.is_ascii else binding.key

    # --- whether somebody looks ---

    def on_app_blur(self) -> None:
        self._blurred_at = self.clock()

    def on_app_focus(self) -> None:
        self._blurred_at = None
        if self.board.is_resting:
            self.board.is_resting = False
            self._loader.look()
