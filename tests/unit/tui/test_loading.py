"""When lists are asked for, and from which window on."""

from __future__ import annotations

import asyncio

import pytest

from mail_proxy.domain.errors import Forbidden, Unauthorized
from mail_proxy_tui.feed.base import (
    PAGE,
    POLLED,
    STREAMED,
    AccountRow,
    Happening,
    TenantRow,
    Totals,
)
from mail_proxy_tui.widgets.messages import MessagesPane
from mail_proxy_tui.widgets.rows import Rows
from tests.unit.tui.fake_feed import NOW, FakeFeed, message, numbers
from tests.unit.tui.stage import Clock, staged

pytestmark = pytest.mark.slow


async def test_another_tenant_is_shown_from_its_first_window() -> None:
    feed = FakeFeed()
    feed.rows = [message(n) for n in range(1, 231)]
    feed.tenant_rows = (TenantRow("acme", "Acme Ltd"),)
    async with staged(feed) as stage:
        await stage.press("end", "pagedown")
        await stage.press("t", *"acme", "enter")
        assert "window" not in stage.text
        assert stage.app.query_one(Rows).cursor_key == "1"


async def test_a_list_that_is_dear_is_asked_for_less_often_and_at_once_when_a_person_asks() -> None:
    class Dear(FakeFeed):
        clock = Clock()

        async def page(self, query, cursor=None, limit=PAGE):
            self.clock.now += 0.06  # so it rests for 3 s
            return await super().page(query, cursor, limit)

    feed = Dear()
    async with staged(feed) as stage:
        feed.clock = stage.app.clock
        await stage.press("ctrl+r")
        asked = len(feed.asked)
        await stage.pass_seconds(2)
        assert len(feed.asked) == asked
        await stage.pass_seconds(1)
        assert len(feed.asked) == asked + 1
        await stage.press("ctrl+r")
        assert len(feed.asked) == asked + 2


async def test_what_happened_is_there_once_however_often_the_stream_begins() -> None:
    async with staged() as stage:
        await stage.press("4")
        for number in (1, 2):
            stage.feed.happened.put_nowait(
                Happening(NOW, "sent", "acme", "main", f"m-{number}", "250 ok", number=number)
            )
        await stage.until("m-2")
        await stage.press("1", "4")
        stage.feed.happened.put_nowait(Happening(NOW, "sent", "acme", "main", "m-3", number=3))
        await stage.until("m-3")
        told = [each.message_id for each in stage.board.happenings.all()]
        assert told == ["m-1", "m-2", "m-3"]


async def test_no_account_of_another_tenant_stays_on_the_band() -> None:
    feed = FakeFeed()
    feed.account_rows = (AccountRow("acme", "smtp-main", "mx.example", 25, "none"),)
    async with staged(feed) as stage:
        assert len(stage.board.accounts) == 1
        stage.app.show_tenant("beta")
        await stage.rest()
        assert stage.board.accounts == ()


async def test_accounts_that_are_deleted_leave_the_band() -> None:
    feed = FakeFeed()
    feed.account_rows = (AccountRow("acme", "smtp-main", "mx.example", 25, "none"),)
    async with staged(feed) as stage:
        feed.account_rows = ()
        await stage.pass_seconds(1)
        assert stage.board.accounts == ()


async def test_a_late_answer_about_the_tenant_before_is_not_taken() -> None:
    class Waiting(FakeFeed):
        """Tells of acme only when the gate is open, of others at once."""

        def __init__(self) -> None:
            super().__init__()
            self.gate = asyncio.Event()
            self.gate.set()

        async def numbers(self, tenant_id=None):
            if tenant_id == "acme":
                await self.gate.wait()
            return numbers(totals=Totals(90_000 if tenant_id == "acme" else 10, 0, 0))

    feed = Waiting()
    async with staged(feed) as stage:
        stage.app.show_tenant("acme")
        await stage.rest()
        feed.gate.clear()
        stage.app.clock.now += 1.0
        stage.app.beat()  # asks of acme
        await stage.pilot.pause()
        stage.app.show_tenant("beta")
        await stage.pilot.pause()
        feed.gate.set()
        await stage.rest()
        assert stage.board.numbers is not None
        assert stage.board.numbers.totals == Totals(10, 0, 0)


async def test_a_window_whose_mail_is_gone_gives_way_to_the_one_before_it() -> None:
    feed = FakeFeed()
    feed.rows = [message(n) for n in range(1, 451)]
    async with staged(feed) as stage:
        await stage.press("end", "pagedown")
        await stage.press("end", "pagedown")
        assert "window 3" in stage.text
        del feed.rows[150:]
        await stage.pass_seconds(4)
        assert "window" not in stage.app.query_one(MessagesPane).count()
        assert stage.app.query_one(Rows).cursor_key == "150"
        assert "Nothing is queued" not in stage.text


class Deaf(FakeFeed):
    """Its stream alone is refused. tried: how often."""

    tried = 0

    async def happenings(self, tenant_id=None, after=0):
        self.tried += 1
        if self.tried == 1:
            raise Forbidden("no streams for this token")
        yield Happening(0.0, POLLED, words="no place for a stream")
        while True:
            yield await self.happened.get()


@pytest.mark.parametrize("size", ["80x24", "140x40"])
async def test_events_that_are_refused_are_told_where_they_would_stand(size: str) -> None:
    feed = Deaf()
    async with staged(feed, size=size) as stage:
        await stage.press("4")
        await stage.until("NOT LIVE")
        await stage.until("no streams for this token")
        await stage.pass_seconds(3)
        assert feed.tried == 1  # not at each look
        await stage.press("ctrl+r")
        await stage.until("asked for each 2 s: no place for a stream")
        feed.happened.put_nowait(Happening(0.0, STREAMED))
        await stage.until(" live")
        assert "NOT LIVE" not in stage.text


async def test_a_tall_screen_tells_below_that_events_are_refused() -> None:
    async with staged(Deaf(), size="140x40") as stage:
        await stage.until("Events  NOT LIVE, not told: no streams for this token")


async def test_tenants_are_counted_where_they_are_seen() -> None:
    feed = FakeFeed()
    feed.tenant_rows = tuple(TenantRow(f"t{n:03}") for n in range(100))
    async with staged(feed) as stage:
        await stage.press("3")
        assert len(feed.counted_ids[-1]) <= 24
        assert feed.counted_ids[-1][0] == "t000"
        await stage.press("end")
        await stage.press("ctrl+r")
        assert feed.counted_ids[-1][-1] == "t099"
        assert len(feed.counted_ids[-1]) <= 24


async def test_a_daemon_elsewhere_that_refuses_the_token_is_asked_once() -> None:
    class Refusing(FakeFeed):
        asked_for = 0

        def _checked(self):
            if self.error is not None:
                self.asked_for += 1
            super()._checked()

    feed = Refusing()
    async with staged(feed) as stage:
        feed.error = Unauthorized("the token is not valid")
        await stage.pass_seconds(5)
        assert feed.asked_for == 1
        assert "mail-proxy myserver token" in stage.text
