"""A message that is open, beside its list or over it, while the list goes on."""

from __future__ import annotations

import pytest

from mail_proxy.domain.errors import MailProxyError, NotRunning
from mail_proxy_tui.draw.glyphs import UNICODE
from mail_proxy_tui.feed.base import Letter
from mail_proxy_tui.screens.detail import DetailScreen
from tests.unit.tui.fake_feed import FakeFeed
from tests.unit.tui.stage import Stage, staged

pytestmark = pytest.mark.slow

CRUMB = UNICODE.crumb


async def test_a_message_that_leaves_the_list_while_it_is_open_stays_what_the_keys_act_on() -> None:
    async with staged(size="140x40") as stage:
        feed = stage.feed
        await stage.press("enter")
        sent = feed.rows.pop(0)
        feed.letters["9"] = Letter(sent, why="it was taken")
        await stage.pass_seconds(4)
        detail = stage.app.screen
        assert isinstance(detail, DetailScreen)
        assert detail.letter is not None
        assert detail.letter.row.key == detail.row.key == sent.key
        await stage.press("escape")
        await stage.until("a81f0c11  acme")  # beside the list stands the one under the cursor


async def test_a_late_answer_about_another_message_is_not_shown() -> None:
    async with staged() as stage:
        await stage.press("enter")
        detail = stage.app.screen
        assert isinstance(detail, DetailScreen)
        detail.tell_letter(Letter(stage.feed.rows[1]))
        assert detail.letter is not None
        assert detail.letter.row.key == stage.feed.rows[0].key


async def test_an_open_message_names_its_key_only_while_it_does_something() -> None:
    async with staged() as stage:
        await stage.press("end", "k", "enter")
        assert "i settles it" in stage.text
        stage.feed.error = NotRunning("no daemon answers")
        await stage.pass_seconds(2)
        assert "no reply" in stage.text
        assert "settles it" not in stage.text
    async with staged(is_read_only=True) as stage:
        await stage.press("end", "k", "enter")
        assert "settles it" not in stage.text


async def test_a_message_that_was_not_opened_from_the_list_has_no_next_one() -> None:
    async with staged() as stage:
        stage.app.reading.open(stage.feed.rows[2])
        await stage.rest()
        await stage.press("n")
        assert stage.lines[0].startswith(f" myserver {CRUMB} acme {CRUMB} a81f0c7e")
        assert "next" not in stage.lines[-1]


def notices(stage: Stage) -> list[str]:
    return [notice.message for notice in stage.app._notifications]


async def test_a_message_that_goes_while_it_is_looked_at_is_told_once() -> None:
    async with staged() as stage:
        await stage.press("enter")
        stage.feed.rows.pop(0)
        await stage.pass_seconds(3)
        await stage.until("This message is gone.")
        assert notices(stage) == ["This message is gone."]
        assert "a81f0c09" in stage.lines[0]


async def test_a_message_that_nobody_answers_about_is_not_said_to_be_gone() -> None:
    class Silent(FakeFeed):
        is_silent = False

        async def letter(self, key):
            if self.is_silent:
                raise MailProxyError("no answer within 10 s")
            return await super().letter(key)

    feed = Silent()
    async with staged(feed) as stage:
        await stage.press("enter")
        feed.is_silent = True
        await stage.pass_seconds(3)
        assert notices(stage) == []
        detail = stage.app.screen
        assert isinstance(detail, DetailScreen)
        assert detail.letter is not None


@pytest.mark.parametrize("view", ["2", "3"])
async def test_a_terminal_changes_its_size_in_each_view(view: str) -> None:
    async with staged(size="140x40") as stage:
        await stage.press(view)
        await stage.pilot.resize_terminal(130, 38)
        await stage.rest()
        await stage.press("1")
        assert "a81f0c09  acme" in stage.text
