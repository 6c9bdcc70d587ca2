"""Asks the feeds and keeps the board: what is asked, how often, and what becomes of a failure.

One question of a kind is under way at a time, each under a time-out, so answers never pile up. All
of it runs beside the screen: nothing here waits on the thread that paints.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing
from typing import Any, Protocol, TypeVar

from textual.worker import Worker

from mail_proxy.domain.errors import MailProxyError, NotFound
from mail_proxy_tui.board import Board
from mail_proxy_tui.feed.base import POLLED, STREAMED, Feed, Letter, MessageKey, TenantRow
from mail_proxy_tui.feed.happenings import POLL_S, Ring
from mail_proxy_tui.feed.link import ASK_S, Phase, rest_s
from mail_proxy_tui.feed.patience import within
from mail_proxy_tui.sources import Sources

_EARLY_S = 0.2
DEAF_S = 10.0  # after a refusal to tell what happens it is asked for again
LETTER_REST_S = 3.0  # of a message beside the list: it is three questions
T = TypeVar("T")


class Host(Protocol):
    """What runs the workers and draws: the app."""

    def run_worker(
        self,
        work: Callable[[], Coroutine[Any, Any, None]],
        name: str | None = "",
        group: str = "default",
        *,
        exclusive: bool = False,
    ) -> Worker[None]: ...

    async def load_pane(self, feed: Feed) -> None:
        """Load the view that is shown."""
        ...

    def tell_letter(self, letter: Letter | None) -> None: ...

    @property
    def is_letter_open(self) -> bool:
        """It is read on a screen of its own, not beside the list."""
        ...

    def draw(self) -> None: ...

    def draw_accounts(self) -> None: ...

    def draw_happenings(self) -> None:
        """Soon: more than one may have come by then."""
        ...

    @property
    def wants_happenings(self) -> bool:
        """Something on the screen shows them."""
        ...


class Loader:
    """clock: seconds that only grow. watched: the message that is looked at."""

    def __init__(
        self, host: Host, board: Board, sources: Sources, clock: Callable[[], float]
    ) -> None:
        self._host = host
        self._board = board
        self._sources = sources
        self._clock = clock
        self._live: Feed | None = None
        self._resting: Feed | None = None
        self._last_asked_at = 0.0
        self._asked_at: float | None = None  # of the numbers that are under way
        self._running: dict[str, Worker[Any]] = {}
        self._is_known = False  # whom we speak to was asked
        self._is_refused = False  # the token is read anew
        self._view_rests_until = float("-inf")  # unless somebody asks for it
        self._deaf_until = float("-inf")  # as long, what happens is not asked for again
        self._letter_rests_until = float("-inf")
        self.watched: MessageKey | None = None

    @property
    def feed(self) -> Feed | None:
        """The daemon while it answers, else the database, where there is one."""
        return self._live if self._board.link.is_up or self._resting is None else self._resting

    # --- when ---

    def beat(self) -> None:
        """Called each second: the time goes on, and what is due is asked."""
        board = self._board
        board.now = self._clock()
        if self._asked_at is not None:
            board.link = board.link.waited(board.now - self._asked_at)
        if board.is_paused or board.is_resting:
            return
        due_at = board.link.ask_at(self._last_asked_at, board.interval_s)
        # A beat that is a little early is the right one: the next is a second later.
        if due_at is not None and board.now >= due_at - _EARLY_S:
            self.look()

    def look(self) -> None:
        """Ask for everything now."""
        self._start("numbers", self._load_numbers)

    def look_at_view(self) -> None:
        """Another question of the list: the answer to the one before is not waited for."""
        self._start("view", self._load_view, anew=True)

    def look_at_letter(self) -> None:
        self._start("letter", self._load_letter, anew=True)

    def _start(
        self, name: str, load: Callable[[], Coroutine[Any, Any, None]], *, anew: bool = False
    ) -> None:
        before = self._running.get(name)
        if before is not None and before.is_running and not anew:
            return
        self._running[name] = self._host.run_worker(load, group=name, exclusive=True, name=name)

    # --- what ---

    async def _load_numbers(self) -> None:
        board = self._board
        self._last_asked_at = self._clock()
        try:
            live = await self._opened()
            if not self._is_known:
                board.daemon = await within(live.daemon(), ASK_S)
                self._is_known = True
            self._asked_at = asked_at = self._clock()
            numbers = await within(live.numbers(board.tenant_id), ASK_S)
        except MailProxyError as error:
            await self._lost(error)
            return
        finally:
            self._asked_at = None
        now = self._clock()
        was_up = board.link.is_up
        board.link = board.link.answered(now, now - asked_at)
        board.now, board.numbers_at, board.is_from_file = now, now, False
        board.numbers, board.last_words, board.seen_at = numbers, "", numbers.now
        board.history.add(now, numbers.totals)
        self._host.draw()
        self._load_rest(anew=not was_up)

    async def _opened(self) -> Feed:
        if self._is_refused and self._live is not None:
            before, self._live = self._live, None
            await before.aclose()
        if self._live is None:
            self._live = await asyncio.to_thread(self._sources.live)
            self._is_refused = False
        return self._live

    def _load_rest(self, *, anew: bool = False) -> None:
        if not self._board.link.is_up and self._resting is None:
            self.follow()
            return  # whoever did not answer one question is not asked three more
        self._start("accounts", self._load_accounts)
        if anew or self._clock() >= self._view_rests_until - _EARLY_S:
            self._start("view", self._load_view, anew=anew)
        if self.watched is not None and (anew or self._clock() >= self._letter_rests_until):
            self._start("letter", self._load_letter)
        self.follow()

    def follow(self) -> None:
        """Listen to what happens while somebody can see it."""
        if self._board.link.is_up and self._host.wants_happenings:
            if self._clock() >= self._deaf_until - _EARLY_S:
                self._start("happenings", self._follow)
        elif before := self._running.pop("happenings", None):
            before.cancel()

    async def _follow(self) -> None:
        board, feed = self._board, self.feed
        if feed is None:
            return
        board.deaf = ""
        try:
            asked = feed.happenings(board.tenant_id, board.happenings.known)
            async with aclosing(asked) as told:
                async for each in told:
                    if each.kind == POLLED:
                        board.deaf = f"asked for each {POLL_S:g} s: {each.words}"
                    elif each.kind == STREAMED:
                        board.deaf = ""
                    else:
                        board.happenings.add(each)
                    self._host.draw_happenings()
        except MailProxyError as error:
            board.deaf = f"not told: {error}"
            self._deaf_until = self._clock() + DEAF_S
            self._host.draw_happenings()

    async def _lost(self, error: MailProxyError) -> None:
        """The daemon is not there: what the database has is shown, until it is."""
        board = self._board
        now = self._clock()
        self._asked_at = None
        self._is_known = False
        board.now, board.link, board.deaf = now, board.link.lost(now, error), ""
        board.history.add(now, None)
        self._host.draw()
        board.last_words = await asyncio.to_thread(self._sources.last_words)
        await self._read_file()
        self._host.draw()
        self._load_rest(anew=board.link.failures == 1)

    async def _read_file(self) -> None:
        board = self._board
        try:
            if self._resting is None:
                self._resting = await asyncio.to_thread(self._sources.resting)
            if self._resting is None:
                return
            board.numbers = await within(self._resting.numbers(board.tenant_id), ASK_S)
        except MailProxyError:
            return  # no database yet, or a busy one: the link says already that all is old
        board.numbers_at, board.is_from_file = self._clock(), True

    async def _load_accounts(self) -> None:
        feed, board = self.feed, self._board
        if feed is None:
            return
        rows = await self._asked(feed.accounts(board.tenant_id))
        if rows is not None:  # none at all is an answer too
            board.accounts = rows
            self._host.draw_accounts()

    async def _load_view(self) -> None:
        if self.feed is not None:
            asked_at = self._clock()
            await self._asked(self._host.load_pane(self.feed))
            self._view_rests_until = asked_at + rest_s(self._clock() - asked_at)

    async def _load_letter(self) -> None:
        feed, key = self.feed, self.watched
        if feed is None or key is None:
            self._host.tell_letter(None)
            return
        try:
            rest = 0.0 if self._host.is_letter_open else LETTER_REST_S
            self._letter_rests_until = self._clock() + rest - _EARLY_S
            letter = await self._asked(feed.letter(key))
        except NotFound:
            if key == self.watched:
                self.watched = None  # it is told once
                self._host.tell_letter(None)
            return
        if letter is not None and key == self.watched:
            self._host.tell_letter(letter)

    async def _asked(self, question: Awaitable[T]) -> T | None:
        """The answer; None where the daemon has gone meanwhile, which the numbers tell of next."""
        try:
            return await within(question, ASK_S)
        except NotFound:
            raise
        except MailProxyError:
            return None

    async def settled(self) -> None:
        """Returns when nothing is under way any more."""
        while running := [
            each
            for name, each in self._running.items()
            if each.is_running and name != "happenings"  # which has no end
        ]:
            await running[0].wait()

    async def tenants(self) -> tuple[TenantRow, ...]:
        feed = self.feed
        return () if feed is None else await self._asked(feed.tenants()) or ()

    def forget(self) -> None:
        """Other numbers come from now on: no line is drawn from the old ones to them, and what is
        under way would tell of the old ones."""
        board = self._board
        board.history.break_off()
        board.happenings, board.accounts, board.deaf = Ring(), (), ""
        self._deaf_until = float("-inf")
        for name in ("numbers", "accounts", "happenings"):
            if before := self._running.pop(name, None):
                before.cancel()

    def look_at_once(self) -> None:
        """A person wants to know now, also from a daemon that is down or refuses us."""
        self._board.link = self._board.link.at_once(self._clock())
        self._is_refused = self._board.link.phase is Phase.REFUSED
        self._view_rests_until = self._deaf_until = float("-inf")
        self.look()

    async def start_daemon(self) -> str:
        """Empty when it runs, else why it did not start."""
        try:
            await asyncio.to_thread(self._sources.start)
        except MailProxyError as error:
            return str(error)
        self.look()
        return ""

    async def aclose(self) -> None:
        for feed in (self._live, self._resting):
            if feed is not None:
                await feed.aclose()
