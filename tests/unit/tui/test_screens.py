"""Each screen at two sizes, letter by letter; `RENEW_SCREENS=1 pytest` keeps what is seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mail_proxy.domain.errors import NotRunning, Unauthorized
from mail_proxy_tui.feed.base import Letter, TimelineEntry
from tests.unit.tui.fake_feed import FakeFeed
from tests.unit.tui.stage import SCREENS, SIZES, Stage, busy, empty, matches, staged

pytestmark = pytest.mark.slow


def held(name: str, size: str, stage: Stage) -> None:
    text = stage.text
    assert matches(f"{name}-{size}", text), f"not as {SCREENS}/{name}-{size}.txt:\n{text}"


@pytest.mark.parametrize("size", SIZES)
async def test_the_messages_are_shown_with_the_numbers(size: str) -> None:
    async with staged(size=size) as stage:
        held("messages", size, stage)


@pytest.mark.parametrize("size", SIZES)
async def test_plain_characters_are_enough(size: str) -> None:
    async with staged(size=size, is_ascii=True) as stage:
        assert stage.text.isascii()
        held("ascii", size, stage)


@pytest.mark.parametrize("size", SIZES)
async def test_a_message_is_shown_in_full(size: str) -> None:
    async with staged(size=size) as stage:
        await stage.press("end", "k", "k", "enter")
        held("detail", size, stage)


@pytest.mark.parametrize("size", SIZES)
async def test_an_empty_queue_says_what_to_do(size: str) -> None:
    async with staged(empty(), size=size) as stage:
        held("empty", size, stage)


@pytest.mark.parametrize("size", SIZES)
async def test_a_lost_daemon_leaves_its_last_numbers_greyed(size: str) -> None:
    async with staged(size=size) as stage:
        stage.sources.words = "2026-11-23T12:04:30Z ERROR bind smtp: address already in use"
        stage.feed.error = NotRunning("no daemon answers at /run/control.sock")
        await stage.pass_seconds(2)
        held("down", size, stage)


@pytest.mark.parametrize("size", SIZES)
async def test_without_a_daemon_the_database_is_read(size: str) -> None:
    gone = FakeFeed()
    gone.error = NotRunning("no daemon answers at /run/control.sock")
    resting = busy()
    async with staged(gone, size=size, resting=resting) as stage:
        held("resting", size, stage)


async def test_a_refused_token_is_told_with_the_command_to_run() -> None:
    async with staged() as stage:
        stage.feed.error = Unauthorized("the token is not valid")
        await stage.pass_seconds(1)
        held("refused", "80x24", stage)
        stage.feed.error = None
        await stage.pass_seconds(30)
        assert "REFUSED" in stage.lines[0]  # nobody asks again by itself
        await stage.press("ctrl+r")
        assert "UP" in stage.lines[0]


async def test_of_a_daemon_that_was_never_heard_neither_time_nor_accounts_are_told() -> None:
    feed = FakeFeed()
    feed.error = Unauthorized("the token is not valid")
    async with staged(feed) as stage:
        assert stage.lines[0].split() == ["myserver", "○", "REFUSED"]
        assert "no accounts yet" not in stage.text
        stage.feed.error = None
        await stage.press("ctrl+r")
        assert "UP" in stage.lines[0]
        assert stage.lines[0].endswith("Z")


@pytest.mark.parametrize("size", SIZES)
async def test_the_keys_of_the_view_are_told(size: str) -> None:
    async with staged(size=size) as stage:
        await stage.press("question_mark")
        held("help", size, stage)
        await stage.press("escape")
        assert "Keys:" not in stage.text


@pytest.mark.parametrize("size", SIZES)
async def test_what_is_in_doubt_is_asked_for(size: str) -> None:
    async with staged(size=size) as stage:
        await stage.press("end", "k", "i")
        await stage.until("Settle 1 message")
        held("settle", size, stage)


@pytest.mark.parametrize("size", SIZES)
async def test_a_message_in_doubt_says_what_to_do(size: str) -> None:
    feed = busy()
    row = replace(feed.rows[5], why="in doubt: no reply to the final dot")
    command = "mail-proxy myserver acme messages settle --sent a81f0c03"
    at = row.created_at
    feed.letters["3"] = Letter(
        row,
        timeline=(
            TimelineEntry(at, "accepted", "request 5f2c"),
            TimelineEntry(at + 2, "attempt", "smtp.example.test:587  TLSv1.3", seconds=61.2),
            TimelineEntry(at + 63, "in_doubt", "no reply to the final dot"),
        ),
        raw="{}",
        why=row.why,
        do=command,
    )
    async with staged(feed, size=size) as stage:
        await stage.press("end", "k", "enter")
        held("doubt", size, stage)


async def test_a_terminal_without_room_says_so_and_lives_on() -> None:
    async with staged() as stage:
        await stage.pilot.resize_terminal(30, 8)
        await stage.rest()
        held("too-small", "30x8", stage)
        await stage.pilot.resize_terminal(80, 24)
        await stage.rest()
        assert matches("messages-80x24", stage.text)
