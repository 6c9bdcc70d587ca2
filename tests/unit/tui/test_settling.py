"""What is in doubt is settled as a person says, and nothing else with it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from mail_proxy.domain.state import State
from mail_proxy_tui.feed.base import Action, Done, MessageKey, Verb
from mail_proxy_tui.widgets.messages import MessagesPane
from tests.unit.tui.fake_feed import FakeFeed, message
from tests.unit.tui.stage import Stage, staged
from tests.unit.tui.test_acting import done, keys

pytestmark = pytest.mark.slow


async def open_doubt(stage: Stage) -> None:
    """The dialog of the message in doubt, the last but one."""
    await stage.press("end", "k", "i")
    await stage.until("Settle 1 message in doubt?")


def marked(stage: Stage) -> tuple[MessageKey, ...]:
    return tuple(stage.app.screen.query_one(MessagesPane).marked.values())


async def open_marked(stage: Stage) -> None:
    """The dialog of two that are marked: one has failed, one is in doubt."""
    await stage.press("end", "k", "k", "space", "space", "i")
    await stage.until("Left out: 1 was not in doubt.")


@pytest.mark.parametrize(
    ("key", "verb", "said"),
    [
        ("s", Verb.SETTLE_SENT, "1 message settled as sent"),
        ("f", Verb.SETTLE_FAILED, "1 message settled as failed"),
        ("r", Verb.RETRY, "1 message retried"),
    ],
)
async def test_a_message_in_doubt_is_settled_as_a_person_says(
    key: str, verb: Verb, said: str
) -> None:
    async with staged() as stage:
        await open_doubt(stage)
        await stage.press(key)
        await stage.until(said)
        assert done(stage) == [Action(verb, keys(stage.feed, 5))]


@pytest.mark.parametrize("key", ["enter", "n", "escape", "y"])
async def test_a_doubt_is_left_by_the_button_that_has_the_focus(key: str) -> None:
    async with staged() as stage:
        await open_doubt(stage)
        await stage.press(key)
        assert done(stage) == []
        assert ("Settle 1 message" in stage.text) is (key == "y")


async def test_the_outcome_of_a_doubt_is_reached_by_arrows_and_by_mouse() -> None:
    async with staged() as stage:
        await open_doubt(stage)
        await stage.press("right", "right", "right", "left", "enter")
        await stage.until("settled as failed")
        await open_doubt(stage)
        await stage.pilot.click("#answer-s")
        await stage.until("settled as sent")
        await open_doubt(stage)
        await stage.pilot.click("#no")
        await stage.rest()
        assert "Settle 1 message" not in stage.text
        assert len(done(stage)) == 2


async def test_a_doubt_is_settled_from_the_message_in_full() -> None:
    async with staged() as stage:
        await stage.press("end", "k", "enter", "i")
        await stage.until("Settle 1 message in doubt?")
        await stage.press("s")
        await stage.until("settled as sent")
        assert done(stage) == [Action(Verb.SETTLE_SENT, keys(stage.feed, 5))]


async def test_of_marked_messages_only_those_in_doubt_are_sent_again() -> None:
    async with staged() as stage:
        await open_marked(stage)
        await stage.press("r")
        await stage.until("1 of 2 retried; 1 was not in doubt")
        assert done(stage) == [Action(Verb.RETRY, keys(stage.feed, 5))]
        assert marked(stage) == keys(stage.feed, 4)


async def test_what_is_not_in_doubt_any_more_when_it_is_answered_is_not_sent_again() -> None:
    async with staged() as stage:
        await open_marked(stage)
        stage.feed.rows[5] = replace(stage.feed.rows[5], state=State.SENT, status="sent")
        await stage.press("r")
        await stage.until("0 of 2 retried; 2 were not in doubt")
        assert done(stage) == []


async def test_of_marked_messages_all_are_settled_that_the_daemon_finds_in_doubt() -> None:
    async with staged() as stage:
        await open_marked(stage)
        await stage.press("s")
        await stage.until("1 of 2 settled as sent; 1 was not in doubt")
        assert done(stage) == [Action(Verb.SETTLE_SENT, keys(stage.feed, 4, 5))]
        assert marked(stage) == keys(stage.feed, 4)


async def test_a_trial_that_has_not_looked_at_all_says_nothing_of_the_others() -> None:
    async with staged() as stage:
        stage.feed.answers = [Done(0, is_partial=True)]
        await stage.press("a", "i")
        await stage.until("Settle at least 0 messages in doubt?")


async def test_of_all_that_match_those_in_doubt_are_settled() -> None:
    async with staged() as stage:
        stage.feed.answers = [Done(12), Done(12)]
        await stage.press("a", "i")
        await stage.until("Settle 12 messages in doubt?")
        await stage.press("f")
        await stage.until("12 messages settled as failed")
        (action,) = done(stage)
        assert (action.verb, action.messages) == (Verb.SETTLE_FAILED, ())
        assert action.filter == f"{stage.feed.asked[-1].filter} state:in_doubt"


async def test_where_nothing_is_in_doubt_nothing_is_asked() -> None:
    async with staged() as stage:
        await stage.press("i")
        await stage.until("Nothing here is in doubt.")
        assert done(stage) == []


async def test_a_retry_of_what_is_in_doubt_waits_for_yes() -> None:
    async with staged() as stage:
        await stage.press("end", "k", "r")
        await stage.until("it would arrive twice")
        await stage.press("enter")
        assert done(stage) == []


async def test_a_retry_asks_also_where_the_screen_does_not_know_of_the_doubt_yet() -> None:
    async with staged() as stage:
        stage.feed.rows[0] = replace(stage.feed.rows[0], state=State.IN_DOUBT)
        await stage.press("r")
        await stage.until("it would arrive twice")
        assert done(stage) == []


async def test_while_it_is_settled_another_key_hears_what_is_at_work() -> None:
    class Slow(FakeFeed):
        """Settles when the gate is open."""

        def __init__(self) -> None:
            super().__init__()
            self.gate = asyncio.Event()
            self.rows = [message(1, state=State.IN_DOUBT, status="in_doubt")]

        async def act(self, action: Action, *, is_trial: bool = False) -> Done:
            if not is_trial:
                await self.gate.wait()
            return await super().act(action, is_trial=is_trial)

    feed = Slow()
    async with staged(feed) as stage:
        await stage.press("i")
        await stage.until("Settle 1 message in doubt?")
        await stage.press("f", "d")
        await stage.until("settle as failed is still at work")
        feed.gate.set()
        await stage.until("1 message settled as failed")


async def test_nothing_is_settled_where_nothing_may_be_changed() -> None:
    async with staged(is_read_only=True) as stage:
        await stage.press("end", "k", "i")
        assert stage.feed.acted == []
        assert "Settle" not in stage.text
