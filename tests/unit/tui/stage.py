"""A dashboard on a stage: a feed that tells what it is told, a clock that a test moves."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from mail_proxy.domain.errors import MailProxyError
from mail_proxy.domain.state import State
from mail_proxy_tui.app import DashboardApp
from mail_proxy_tui.board import Board
from mail_proxy_tui.draw.glyphs import glyphs
from mail_proxy_tui.feed.base import (
    AccountRow,
    AccountState,
    Feed,
    Gauge,
    Letter,
    Recipient,
    TenantRow,
    TimelineEntry,
    Totals,
)
from mail_proxy_tui.frame import frame_text
from mail_proxy_tui.preferences import Preferences
from tests.unit.tui.fake_feed import NOW, FakeFeed, message, numbers

SIZES = {"80x24": (80, 24), "140x40": (140, 40)}
SCREENS = Path(__file__).parent / "screens"
RENEW = "RENEW_SCREENS"  # set, the screens of the tests become the expected ones


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class FakeSources:
    """failure: of a start of the daemon. started: how often it was asked for."""

    def __init__(self, feed: Feed, resting: Feed | None = None) -> None:
        self.feed = feed
        self.at_rest = resting
        self.words = ""
        self.started = 0
        self.failure: MailProxyError | None = None

    def live(self) -> Feed:
        return self.feed

    def resting(self) -> Feed | None:
        return self.at_rest

    def start(self) -> None:
        self.started += 1
        if self.failure is not None:
            raise self.failure

    def last_words(self) -> str:
        return self.words


class Stage:
    """What a test holds: the app, the pilot that presses keys, the feed, the clock."""

    def __init__(
        self, app: DashboardApp, pilot: Pilot[None], feed: FakeFeed, sources: FakeSources
    ) -> None:
        self.app = app
        self.pilot = pilot
        self.feed = feed
        self.sources = sources

    @property
    def board(self) -> Board:
        return self.app.board

    @property
    def text(self) -> str:
        return frame_text(self.app)

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.rest()

    async def rest(self) -> None:
        """Until all that was asked for is here and drawn."""
        await self.pilot.pause()
        await self.app.arrived()
        await self.pilot.pause()

    async def until(self, words: str) -> None:
        """Until these are on the screen, in a notice also over the ends of lines."""
        async with asyncio.timeout(20):
            while words not in self.text and all(words not in each for each in self.notices):
                await self.pilot.pause(0.05)

    @property
    def notices(self) -> list[str]:
        """Those that are on the screen."""
        shown = {holder.id for holder in self.app.screen.query("ToastHolder")}
        told = self.app._notifications
        return [each.message for each in told if f"--textual-toast-{each.identity}" in shown]

    async def pass_seconds(self, seconds: float) -> None:
        """The clock goes on, and the beats that fall into it come."""
        clock = self.app.clock
        assert isinstance(clock, Clock)
        for _ in range(int(seconds)):
            clock.now += 1.0
            self.app.beat()
            await self.rest()


def dashboard(
    sources: FakeSources,
    *,
    preferences: Preferences | None = None,
    is_ascii: bool = False,
    is_read_only: bool = False,
    version: str = "1.0.0",
) -> DashboardApp:
    """A dashboard whose clock and beats are the test's."""
    board = Board(
        "myserver",
        is_read_only=is_read_only,
        our_version=version,
        glyphs=glyphs(is_ascii=is_ascii),
    )
    nowhere = Preferences(Path(os.devnull))
    return DashboardApp(
        board, sources, preferences or nowhere, clock=Clock(), beat_s=None, flush_s=0.001
    )


@asynccontextmanager
async def staged(
    feed: FakeFeed | None = None,
    size: str | tuple[int, int] = "80x24",
    *,
    resting: Feed | None = None,
    **options: Any,
) -> AsyncIterator[Stage]:
    """A running dashboard, its first answers drawn. options: of `dashboard`."""
    feed = feed or busy()
    sources = FakeSources(feed, resting)
    app = dashboard(sources, **options)
    columns_and_lines = SIZES[size] if isinstance(size, str) else size
    async with app.run_test(size=columns_and_lines, notifications=True) as pilot:
        stage = Stage(app, pilot, feed, sources)
        await app.settled()
        await stage.rest()
        yield stage


def busy() -> FakeFeed:
    """A queue of the usual troubles: greylisted, limited, refused, in doubt."""
    feed = FakeFeed()
    feed.rows = [
        message(9, to="bob@example.com", subject="Your invoice 2026-1180"),
        message(17, to="carol@example.com", next_at=NOW + 131),
        message(126, to="dan@example.com", priority=1, tries=1, next_at=NOW + 242),
        message(144, account_id="smtp-bulk", to="erin.smith@example.com", more_recipients=2),
        message(
            2,
            state=State.FAILED,
            status="error",
            next_at=None,
            to="nobody@example.com",
            created_at=NOW - 7560,
            why="550 5.1.1 <nobody@example.com>: user unknown",
        ),
        message(3, state=State.IN_DOUBT, status="in_doubt", next_at=None, tries=1, why="no reply"),
        message(4, state=State.LEASED, status="pending", next_at=None, tries=0, why=""),
    ]
    feed.count = 46
    feed.account_rows = accounts()
    feed.tenant_rows = (TenantRow("acme", "Acme Ltd"), TenantRow("beta", "Beta GmbH"))
    feed.letters["2"] = failed_letter(feed)
    return feed


def accounts() -> tuple[AccountRow, ...]:
    return (
        AccountRow("acme", "smtp-main", "h", 25, "none", gauges=(Gauge("hour", 681, 1000),)),
        AccountRow(
            "acme",
            "smtp-bulk",
            "h",
            25,
            "none",
            AccountState.LIMITED,
            until_at=NOW + 252,
            gauges=(Gauge("hour", 1000, 1000),),
        ),
        AccountRow("beta", "ses", "h", 25, "none", gauges=(Gauge("minute", 21, 100),)),
        AccountRow("gamma", "relay", "h", 25, "none"),
        AccountRow(
            "delta",
            "legacy",
            "h",
            25,
            "none",
            AccountState.BROKEN,
            reason="login refused",
            until_at=NOW + 900,
            last_error="535 5.7.8 authentication failed",
        ),
    )


def failed_letter(feed: FakeFeed) -> Letter:
    at = NOW - 7560
    return Letter(
        feed.rows[4],
        sender="Acme Billing <billing@acme.example>",
        recipients=(Recipient("nobody@example.com", "refused", "550 5.1.1 user unknown"),),
        body="Hello!\n\n[b]This[/b] is it.\n",
        attachments=("invoice.pdf", "terms.pdf"),
        timeline=(
            TimelineEntry(at, "accepted", "api key …9f3c, batch invoices-2026-11"),
            TimelineEntry(at + 2, "attempt", "smtp.example.test:587  TLS 1.3", seconds=1.2),
            TimelineEntry(at + 3, "deferred", "451 4.7.1 greylisted, try again", next_at=at + 63),
            TimelineEntry(at + 366, "attempt", "smtp.example.test:587  TLS 1.3", seconds=0.9),
            TimelineEntry(at + 367, "failed", "550 5.1.1 <nobody@example.com>: user unknown"),
            TimelineEntry(at + 368, "reported", "that it is failed"),
        ),
        raw='{\n  "id": "a81f0c02"\n}',
        why="the address does not exist",
        do="mail-proxy myserver acme messages retry a81f0c02",
    )


def empty() -> FakeFeed:
    feed = FakeFeed()
    feed.rows = []
    feed.queue = numbers(
        by_priority={}, all=type(feed.queue.all)(), tenants=0, accounts=0, totals=Totals()
    )
    return feed


def matches(name: str, text: str) -> bool:
    """Whether a screen is the one that is kept under this name; see RENEW."""
    path = SCREENS / f"{name}.txt"
    if os.environ.get(RENEW):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return path.read_text() == text
