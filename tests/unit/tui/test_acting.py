"""Keys that change something: what they ask, what they do, what is said after it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from textual.widgets import Input

from mail_proxy.domain.errors import MailProxyError, NotRunning
from mail_proxy.domain.state import State
from mail_proxy_tui.feed.base import Action, Done, MessageKey, Refused, TenantRow, Verb
from mail_proxy_tui.widgets.messages import MessagesPane
from tests.unit.tui.fake_feed import FakeFeed, message
from tests.unit.tui.stage import Stage, staged
from tests.unit.tui.test_view_screens import eventful

pytestmark = pytest.mark.slow


def done(stage: Stage) -> list[Action]:
    """What was done; trials only count."""
    return [action for action, is_trial in stage.feed.acted if not is_trial]


def keys(feed: FakeFeed, *places: int) -> tuple[MessageKey, ...]:
    return tuple(feed.rows[place].key for place in places)


async def test_retry_acts_on_the_row_under_the_cursor_and_says_so() -> None:
    async with staged() as stage:
        await stage.press("j", "r")
        await stage.until("retried")
        assert done(stage) == [Action(Verb.RETRY, keys(stage.feed, 1))]


async def test_marked_messages_go_before_the_row_under_the_cursor() -> None:
    async with staged() as stage:
        await stage.press("space", "space", "end", "r")
        await stage.until("2 messages retried")
        assert done(stage) == [Action(Verb.RETRY, keys(stage.feed, 0, 1))]
        assert "marked" not in stage.text


async def test_marks_stay_on_what_was_refused() -> None:
    async with staged() as stage:
        feed = stage.feed
        refused = Refused(feed.rows[2].key, feed.rows[2].key.id, "already sent: resend it")
        feed.answers = [Done(2, (refused,), 1)]
        await stage.press("space", "space", "space", "r")
        await stage.until("2 of 3 retried; 1 was already sent")
        assert "1 marked" in stage.text
        await stage.press("r")
        assert done(stage)[-1] == Action(Verb.RETRY, keys(feed, 2))


async def test_a_deletion_waits_for_yes() -> None:
    async with staged() as stage:
        await stage.press("d")
        await stage.until("Delete 1 message?")
        await stage.press("enter")
        assert done(stage) == []
        await stage.press("d")
        await stage.until("Delete 1 message?")
        await stage.press("y")
        await stage.until("1 message deleted")
        assert done(stage) == [Action(Verb.DELETE, keys(stage.feed, 0))]


async def test_a_second_action_is_refused_while_the_first_one_is_counted() -> None:
    class Slow(FakeFeed):
        """Counts when the gate is open."""

        def __init__(self) -> None:
            super().__init__()
            self.gate = asyncio.Event()

        async def act(self, action, *, is_trial=False):
            if is_trial:
                await self.gate.wait()
            return await super().act(action, is_trial=is_trial)

    feed = Slow()
    async with staged(feed) as stage:
        await stage.press("d")
        await stage.press("d")
        await stage.until("delete is still at work")
        feed.gate.set()
        await stage.until("Delete 1 message?")
        await stage.press("n")
        assert len(stage.app.screen_stack) == 1
        assert feed.acted == [(Action(Verb.DELETE, keys(feed, 0)), True)]
        await stage.press("d")
        await stage.until("Delete 1 message?")


@pytest.mark.parametrize("key", ["n", "escape"])
async def test_a_dialog_is_left_by_n_and_esc(key: str) -> None:
    async with staged() as stage:
        await stage.press("d")
        await stage.until("Delete 1 message?")
        await stage.press(key)
        assert "Delete 1" not in stage.text
        assert done(stage) == []


async def test_the_other_button_takes_a_tab_and_enter() -> None:
    async with staged() as stage:
        await stage.press("d")
        await stage.until("Delete 1 message?")
        await stage.press("tab", "enter")
        await stage.until("deleted")


async def test_a_click_on_yes_does_it() -> None:
    async with staged() as stage:
        await stage.press("d")
        await stage.until("Delete 1 message?")
        await stage.pilot.click("#answer-y")
        await stage.until("1 message deleted")


async def test_all_that_match_are_the_servers_to_find_and_their_count_is_asked_for() -> None:
    async with staged() as stage:
        stage.feed.answers = [Done(9972, (), 0), Done(9972, (), 0)]
        await stage.press("a")
        assert "all marked" in stage.text
        await stage.press("d")
        await stage.until("Delete 9 972 messages?")
        await stage.press("y")
        await stage.until("9 972 messages deleted")
        (action,) = done(stage)
        assert action.messages == ()
        assert action.filter == stage.feed.asked[-1].filter != ""
        assert "all marked" not in stage.text


async def test_esc_takes_the_mark_of_all_back() -> None:
    async with staged() as stage:
        await stage.press("a", "escape")
        assert "all marked" not in stage.text


async def test_inverting_the_mark_of_all_marks_none() -> None:
    async with staged() as stage:
        await stage.press("a", "asterisk")
        assert "marked" not in stage.text


@pytest.mark.parametrize("key", ["a", "space"])
async def test_marks_do_not_go_along_to_another_tenant(key: str) -> None:
    """A key would act on mail that nobody sees any more."""
    async with staged() as stage:
        await stage.press(key, "t", *"gmbh", "enter")
        assert "marked" not in stage.text
        await stage.press("r")
        assert done(stage) == []


async def test_marks_do_not_go_along_to_another_filter_but_stay_when_it_is_taken_away() -> None:
    async with staged() as stage:
        await stage.press("slash", *"to:bob", "enter", "space")
        await stage.press("escape")
        assert "1 marked" in stage.text
        await stage.press("slash", *"to:dan", "enter")
        assert "marked" not in stage.text


async def test_what_can_be_done_to_none_is_told_without_a_question() -> None:
    async with staged() as stage:
        refused = Refused(None, "x", "being sent now")
        stage.feed.answers = [Done(0, (refused,), 1)]
        await stage.press("d")
        await stage.until("0 of 1 deleted; 1 was being sent now")
        assert done(stage) == []


async def test_held_messages_are_freed_and_others_held() -> None:
    feed = FakeFeed()
    feed.rows = [message(1), message(2, state=State.HELD, status="held")]
    async with staged(feed) as stage:
        await stage.press("h")
        await stage.until("1 message held")
        await stage.press("j", "h")
        await stage.until("1 message freed")
        assert [action.verb for action in done(stage)] == [Verb.HOLD, Verb.FREE]


async def test_run_now_says_how_many_go() -> None:
    async with staged() as stage:
        await stage.press("R")
        await stage.until("goes now: 9 972 messages")
        assert done(stage) == [Action(Verb.RUN_NOW)]


@pytest.mark.parametrize(
    ("suspended", "batch", "expected"),
    [
        ((), "sale", Action(Verb.SUSPEND, tenant_id="acme", batch_code="sale")),
        ((), None, Action(Verb.SUSPEND, tenant_id="acme")),
        (("sale",), "sale", Action(Verb.ACTIVATE, tenant_id="acme", batch_code="sale")),
        (("*",), "sale", Action(Verb.ACTIVATE, tenant_id="acme")),
    ],
)
async def test_the_batch_of_a_message_is_suspended_or_activated(
    suspended: tuple[str, ...], batch: str | None, expected: Action
) -> None:
    feed = FakeFeed()
    feed.rows = [message(1, batch_code=batch)]
    feed.tenant_rows = (TenantRow("acme", suspended=suspended),)
    async with staged(feed) as stage:
        await stage.press("s")
        await stage.until(expected.verb.value.capitalize())
        await stage.press("y")
        await stage.until("queued")
        assert done(stage) == [expected]


async def test_to_activate_a_tenant_is_asked_with_all_that_waits_for_it() -> None:
    feed = FakeFeed()
    row = TenantRow("acme", suspended=("*",), ready=0, deferred=0, suspended_messages=63)
    feed.tenant_rows = (row,)
    async with staged(feed) as stage:
        await stage.press("3", "s")
        await stage.until("Activate tenant acme?")
        assert "(63 messages queued)" in stage.text


async def test_what_is_asked_is_named_when_another_is_wanted_meanwhile() -> None:
    feed = FakeFeed()
    feed.rows = [message(1, batch_code="may")]
    feed.tenant_rows = (TenantRow("acme", suspended=("may",)),)
    async with staged(feed) as stage:
        await stage.press("s")
        await stage.until("Activate batch may of acme?")
        stage.app.acting.run_now()
        await stage.until("activate is still at work")


async def test_accounts_are_paused_and_resumed() -> None:
    async with staged(eventful()) as stage:
        await stage.press("2", "end", "s")
        await stage.until("Pause account acme/smtp-main?")
        await stage.press("y")
        await stage.until("is paused")
        await stage.press("k", "s")
        await stage.until("Resume account beta/ses?")
        await stage.press("y")
        await stage.until("in use again")
        assert [action.verb for action in done(stage)] == [Verb.PAUSE, Verb.RESUME]


async def test_tenants_are_suspended_and_activated() -> None:
    async with staged(eventful()) as stage:
        await stage.press("3", "s")
        await stage.until("9 161 messages queued")
        await stage.press("y")
        await stage.until("tenant acme is suspended")
        await stage.press("j", "s")
        await stage.until("Activate tenant beta?")


async def test_what_fails_is_told_with_the_next_command() -> None:
    async with staged() as stage:
        stage.feed.answers = []
        stage.feed.failure = MailProxyError("the disk is full", hint="df -h")
        await stage.press("r")
        await stage.until("the disk is full  df -h")


@pytest.mark.parametrize("key", ["r", "d", "h", "s", "R", "T", "A"])
async def test_read_only_refuses_what_changes_something(key: str) -> None:
    async with staged(eventful(), is_read_only=True) as stage:
        await stage.press(key)
        assert stage.feed.acted == []
        assert len(stage.app.screen_stack) == 1


async def test_a_daemon_that_is_lost_takes_the_keys_with_it() -> None:
    async with staged() as stage:
        stage.feed.error = NotRunning("no daemon answers")
        await stage.pass_seconds(2)
        await stage.press("r", "d")
        assert stage.feed.acted == []


async def test_a_message_is_changed_in_its_detail_too() -> None:
    async with staged() as stage:
        await stage.press("enter", "r")
        await stage.until("1 message retried")
        assert done(stage) == [Action(Verb.RETRY, keys(stage.feed, 0))]


async def test_enter_on_an_event_opens_its_message() -> None:
    feed = eventful()
    feed.rows = [message(5)]
    async with staged(feed) as stage:
        await stage.press("4")
        await stage.until("5 of 5")
        await stage.press("end", "k", "enter")
        await stage.until("a81f0c05")
        assert len(stage.app.screen_stack) == 2


async def test_an_event_of_no_message_says_so_and_a_gone_one_too() -> None:
    async with staged(eventful()) as stage:
        await stage.press("4")
        await stage.until("5 of 5")
        await stage.press("enter")
        await stage.until("of no single message")
        await stage.press("j", "enter")
        await stage.until("This message is gone.")


async def test_frozen_events_stay_and_new_ones_are_counted() -> None:
    feed = eventful()
    async with staged(feed) as stage:
        await stage.press("4")
        await stage.until("5 of 5")
        await stage.press("f")
        await stage.until("FROZEN")
        feed.happened.put_nowait(eventful().happened.get_nowait())
        await stage.until("1 new")
        assert stage.text.count("accepted") == 1
        await stage.press("escape")
        await stage.until("6 of 6")


async def test_events_are_filtered_by_kind() -> None:
    async with staged(eventful()) as stage:
        await stage.press("4")
        await stage.until("5 of 5")
        await stage.press("slash", *"sent,failed", "enter")
        await stage.until("2 of 5")
        await stage.press("escape")
        await stage.until("5 of 5")


async def test_the_log_is_searched_and_narrowed() -> None:
    async with staged(eventful()) as stage:
        await stage.press("5")
        await stage.until("4 lines")
        await stage.press("slash", *"TENANT=acme", "enter")
        await stage.until("match 2 of 2")
        await stage.press("n")
        await stage.until("match 1 of 2")
        await stage.press("slash", *"zzz", "enter")
        await stage.until("No line has this.")
        await stage.press("escape", "l", "l")
        await stage.until("3 of 4 lines")
        await stage.press("l")
        await stage.until("2 of 4 lines")


async def test_rows_are_exported(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    async with staged() as stage:
        await stage.press("E")
        await stage.until("Export messages")
        for _ in range(60):
            await stage.pilot.press("backspace")
        await stage.press(*str(path), "enter")
        await stage.until("7 messages are in")
    assert len(path.read_text().splitlines()) == 7


async def test_a_list_that_goes_no_further_is_exported_as_the_first_ones(tmp_path: Path) -> None:
    async with staged() as stage:
        stage.feed.most_listed = 7
        stage.app.errands.export(stage.app.screen.query_one(MessagesPane))
        await stage.until("Export messages")
        stage.app.screen.query_one(Input).value = str(tmp_path / "out.csv")
        await stage.press("enter")
        await stage.until("the first 7 messages are in")


async def test_the_palette_has_each_action_that_has_a_key() -> None:
    async with staged() as stage:
        titles = {command.title for command in stage.app.get_system_commands(stage.app.screen)}
        wanted = {"Retry", "Delete", "Hold/free", "Suspend/activate batch", "Run now", "New tenant"}
        wanted |= {"New account", "Export to a file", "Mark all that match"}
        assert wanted <= titles


async def test_the_help_of_each_view_names_its_keys() -> None:
    async with staged(eventful()) as stage:
        for view, words in (
            ("1", "retry"),
            ("2", "pause/resume sending"),
            ("4", "freeze"),
            ("5", "level"),
        ):
            await stage.press(view, "question_mark")
            assert re.search(rf"\b{words}\b", stage.text), words
            await stage.press("escape")
