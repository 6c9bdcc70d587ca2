"""What has its place on the screen: notices, keys, hints, and the room that a zoom gives."""

from __future__ import annotations

import re

import pytest

from mail_proxy.domain.errors import MailProxyError, NotRunning
from mail_proxy.domain.state import State
from mail_proxy.domain.why import Cause
from mail_proxy_tui.feed.base import Totals
from tests.unit.tui.fake_feed import FakeFeed, message, numbers
from tests.unit.tui.stage import SIZES, staged
from tests.unit.tui.test_view_screens import eventful

pytestmark = pytest.mark.slow


async def test_a_held_message_names_the_key_that_frees_it() -> None:
    feed = FakeFeed()
    feed.rows = [message(1, state=State.HELD, status="held", why="held by a person")]
    async with staged(feed) as stage:
        assert stage.lines[-2].strip() == "held by a person; h frees it"
    async with staged(feed, is_read_only=True) as stage:
        assert stage.lines[-2].strip() == "held by a person"


@pytest.mark.parametrize(
    ("cause", "why", "told"),
    [
        (Cause.BATCH_SUSPENDED, "its batch 'may' is suspended", "; s activates it"),
        (Cause.TENANT_SUSPENDED, "its tenant is suspended", "; s activates it"),
        (Cause.NO_ACCOUNT, "account 'x' was deleted", "; A adds one"),
        (Cause.DEFERRED, "deferred: try 2 of 6 at 12:04", ""),
        (Cause.SCHEDULER_SUSPENDED, "all is suspended", "; mail-proxy myserver activate"),
    ],
)
async def test_why_a_message_waits_names_the_key_or_the_command(
    cause: Cause, why: str, told: str
) -> None:
    feed = FakeFeed()
    do = "mail-proxy myserver activate"
    feed.rows = [message(1, state=State.SUSPENDED, status="pending", why=why, cause=cause, do=do)]
    async with staged(feed) as stage:
        assert stage.lines[-2].strip() == why + told


async def test_a_long_reason_is_cut_and_its_key_is_not() -> None:
    feed = FakeFeed()
    why = "in doubt, whether the server has taken it: " + "no reply " * 20
    feed.rows = [message(1, state=State.IN_DOUBT, status="in_doubt", why=why)]
    async with staged(feed) as stage:
        line = stage.lines[-2]
        assert line.startswith(" in doubt, whether the server has taken it")
        assert line.rstrip().endswith("…; i settles it")


@pytest.mark.parametrize("size", SIZES)
async def test_nobody_knows_the_rates_of_a_daemon_that_is_down(size: str) -> None:
    async with staged(size=size) as stage:
        for sent in (120_010, 120_020, 120_030):
            stage.feed.queue = numbers(totals=Totals(sent, 300, 2))
            await stage.pass_seconds(1)
        assert re.search(r"sent/min +30\b", stage.text)
        stage.feed.error = NotRunning("no daemon answers")
        await stage.pass_seconds(1)
        rates = re.findall(r"(?:sent|deferred|failed)/min +(\S+)", stage.text)
        assert set(rates) == {"-"}
        assert "█" in stage.lines[3]  # what is known of the time before stays


async def test_that_a_message_is_gone_is_told_once() -> None:
    async with staged() as stage:
        await stage.press("enter")
        stage.feed.rows.pop(0)
        await stage.pass_seconds(3)
        assert [n.message for n in stage.app._notifications] == ["This message is gone."]


async def test_a_daemon_that_does_not_answer_says_nothing_of_a_message() -> None:
    async with staged() as stage:
        await stage.press("enter")
        stage.feed.error = MailProxyError("500")
        await stage.pass_seconds(1)
        assert stage.notices == []


@pytest.mark.parametrize("size", [(80, 24), (100, 30)])
async def test_a_notice_covers_neither_the_list_nor_the_line_of_truth(
    size: tuple[int, int],
) -> None:
    async with staged(size=size) as stage:
        before = stage.lines
        stage.app.say("A notice that is so long that it takes some lines of this", is_good=True)
        await stage.rest()
        changed = [n for n, line in enumerate(stage.lines) if line != before[n]]
        assert changed
        assert changed[-1] < 8  # where the bands are


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (100, 30), (140, 40)])
@pytest.mark.parametrize(
    "told",
    ["This is of no single message.", "the first 100 messages are in /home/me/mail-092104.csv"],
)
async def test_a_notice_is_shown_to_its_last_letter(size: tuple[int, int], told: str) -> None:
    async with staged(size=size) as stage:
        stage.app.say(told, is_good=True)
        await stage.rest()
        width = stage.app.screen.query_one("Toast").size.width + 1
        shown = "".join(line.partition("▌")[2][:width] for line in stage.lines[1:10])
        assert "".join(shown.split()) == "".join(told.split())


@pytest.mark.parametrize("size", [(60, 15), (80, 24)])
@pytest.mark.parametrize("keys", [(), ("enter",), ("2",)])
async def test_how_to_leave_is_always_among_the_keys_below(
    size: tuple[int, int], keys: tuple[str, ...]
) -> None:
    async with staged(size=size, is_ascii=True) as stage:
        await stage.press(*keys)
        assert stage.lines[-1].endswith("? help q quit")


async def test_more_keys_come_with_more_room() -> None:
    async with staged() as stage:
        await stage.pilot.resize_terminal(140, 40)
        await stage.until("p freeze screen")
        await stage.pilot.resize_terminal(60, 20)
        await stage.rest()
        assert "freeze" not in stage.lines[-1]
        assert stage.lines[-1].endswith("q quit")


async def test_a_pane_is_zoomed_and_back() -> None:
    async with staged(size="140x40") as stage:
        before = stage.text
        await stage.press("z")
        assert "READY" not in stage.text
        assert "What now" not in stage.text
        assert stage.lines[0] == before.splitlines()[0]
        assert stage.lines[-1] == before.splitlines()[-1]
        await stage.press("z")
        assert stage.text == before
        stage.app.screen.query_one("#letter-scroll").focus()
        await stage.press("z")
        assert "What now" in stage.text
        assert "TENANT" not in stage.text
        await stage.press("escape")
        assert stage.text == before


async def test_a_narrow_screen_has_no_zoom() -> None:
    async with staged() as stage:
        before = stage.text
        await stage.press("z")
        assert stage.text == before


@pytest.mark.parametrize("view", ["2", "3", "4", "5"])
async def test_each_view_may_be_zoomed_and_the_terminal_resized_under_it(view: str) -> None:
    """Their rows are no messages, that a detail could follow."""
    async with staged(eventful(), size="140x40") as stage:
        await stage.press(view)
        await stage.press("z")
        await stage.pilot.resize_terminal(150, 45)
        await stage.rest()
        await stage.press("z")
        assert stage.app.crash is None
        assert "READY" in stage.text


async def test_ctrl_c_and_q_leave() -> None:
    for key in ("ctrl+c", "q"):
        async with staged() as stage:
            await stage.pilot.press(key)
            await stage.pilot.pause()
            assert stage.app.return_code == 0
            assert not stage.app.is_running
        assert stage.feed.is_closed
