"""What keys do on the main screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from mail_proxy.domain.errors import Conflict, Invalid, MailProxyError, NotRunning
from mail_proxy_tui.app import BLUR_S, DashboardApp
from mail_proxy_tui.commands import action_ids
from mail_proxy_tui.draw.glyphs import UNICODE
from mail_proxy_tui.feed.base import Action, Happening, MessageKey, Order, Totals, Verb
from mail_proxy_tui.preferences import Preferences, load_preferences
from mail_proxy_tui.widgets.messages import MessagesPane, in_old_places
from mail_proxy_tui.widgets.rows import Rows
from tests.unit.tui.fake_feed import NOW, FakeFeed, message, numbers
from tests.unit.tui.stage import Clock, FakeSources, Stage, busy, dashboard, staged

pytestmark = pytest.mark.slow

CRUMB = UNICODE.crumb


def pane(stage: Stage) -> MessagesPane:
    return stage.app.query_one(MessagesPane)


def cursor(stage: Stage) -> str | None:
    return stage.app.query_one(Rows).cursor_key


async def test_the_cursor_stays_on_its_message_when_rows_come_before_it() -> None:
    async with staged() as stage:
        await stage.press("down", "down")
        assert cursor(stage) == "126"
        stage.feed.rows.insert(0, message(200))
        await stage.pass_seconds(5)
        assert cursor(stage) == "126"
        assert any(line.startswith("▌a81f0c7e") for line in stage.lines)


async def test_rows_keep_their_places_while_the_cursor_moves() -> None:
    async with staged() as stage:
        before = list(stage.app.query_one(Rows).keys)
        stage.feed.rows.reverse()
        await stage.press("down")
        await stage.pass_seconds(1)
        assert list(stage.app.query_one(Rows).keys) == before
        await stage.pass_seconds(3)
        assert list(stage.app.query_one(Rows).keys) == before[::-1]


def test_what_is_new_comes_behind_what_is_shown() -> None:
    assert in_old_places(["a", "b", "c"], ["n", "c", "a"]) == ["a", "c", "n"]


async def test_a_message_that_is_gone_leaves_the_cursor_in_its_place() -> None:
    async with staged() as stage:
        await stage.press("down")
        del stage.feed.rows[1]
        await stage.pass_seconds(4)
        assert cursor(stage) == "126"


async def test_a_filter_is_sent_as_it_was_typed_and_esc_takes_it_away() -> None:
    async with staged() as stage:
        await stage.press("slash", *"to:bob", "enter")
        assert stage.feed.asked[-1].filter == "to:bob"
        await stage.press("escape")
        assert stage.feed.asked[-1].filter == "state:open,failed"


async def test_leaving_the_filter_changes_nothing() -> None:
    async with staged() as stage:
        asked = len(stage.feed.asked)
        await stage.press("slash", *"to:bob", "escape")
        assert len(stage.feed.asked) == asked
        assert "to:bob" not in stage.text


async def test_question_marks_and_slashes_can_be_typed_into_a_filter() -> None:
    async with staged() as stage:
        await stage.press("slash", "a", "slash", "question_mark", "q", "enter")
        assert stage.feed.asked[-1].filter == "a/?q"


async def test_a_filter_that_cannot_be_read_keeps_the_rows_and_says_why() -> None:
    class Picky(FakeFeed):
        async def page(self, query, cursor=None, limit=200):
            if "stat:" in query.filter:
                raise Invalid("filter: there is no 'stat:' (at 1). Did you mean 'state:'?")
            return await super().page(query, cursor, limit)

    feed = Picky()
    async with staged(feed) as stage:
        await stage.press("slash", *"stat:x", "enter")
        assert "! there is no 'stat:' (at 1). Did you mean 'state:'?" in stage.text
        assert "user1@example.com" in stage.text
        await stage.press("escape")
        assert "there is no" not in stage.text


async def test_the_order_goes_round_and_turns() -> None:
    async with staged() as stage:
        await stage.press("o")
        assert stage.feed.asked[-1].order is Order.AGE
        await stage.press("O")
        assert stage.feed.asked[-1].is_reversed
        assert "sort: age ↓" in stage.text
        await stage.press("o", "o", "o")
        assert stage.feed.asked[-1].order is Order.NEXT


async def test_marks_are_set_inverted_and_taken_away() -> None:
    async with staged() as stage:
        await stage.press("space", "space")
        assert set(pane(stage).marked) == {"9", "17"}
        assert "2 marked" in stage.text
        await stage.press("asterisk")
        assert len(pane(stage).marked) == 5
        await stage.press("escape")
        assert not pane(stage).marked


async def test_an_action_is_for_the_marked_ones_else_for_the_one_under_the_cursor() -> None:
    async with staged() as stage:
        here = pane(stage).action_on(Verb.RETRY)
        assert here == Action(Verb.RETRY, (MessageKey("9", "a81f0c09", "acme"),))
        await stage.press("down", "space", "up")
        marked = pane(stage).action_on(Verb.RETRY)
        assert marked is not None
        assert [key.pk for key in marked.messages] == ["17"]


async def test_a_page_turned_at_the_end_shows_the_next_window() -> None:
    feed = FakeFeed()
    feed.rows = [message(n) for n in range(1, 231)]
    async with staged(feed) as stage:
        await stage.press("end", "pagedown")
        assert cursor(stage) == "201"
        assert "window 2 of 230" in stage.text
        await stage.press("home", "pageup")
        assert cursor(stage) == "200"


async def test_a_tenant_is_chosen_by_a_part_of_its_name() -> None:
    async with staged() as stage:
        await stage.press("t", *"gmbh", "enter")
        assert stage.board.tenant_id == "beta"
        assert stage.feed.asked[-1].tenant_id == "beta"
        assert "tenant:beta" in stage.lines[0]
        assert "TENANT" not in stage.text
        await stage.press("t", "enter")
        assert stage.board.tenant_id is None


async def test_a_pause_asks_nothing_until_it_ends() -> None:
    async with staged() as stage:
        await stage.press("p")
        asked = len(stage.feed.asked)
        await stage.pass_seconds(10)
        assert len(stage.feed.asked) == asked
        assert "FROZEN" in stage.lines[0]
        await stage.press("p")
        assert len(stage.feed.asked) > asked


async def test_the_interval_has_steps() -> None:
    async with staged() as stage:
        await stage.press("plus", "plus")
        assert "LIVE 5s" in stage.lines[0]
        asked = len(stage.feed.asked)
        await stage.pass_seconds(4)
        assert len(stage.feed.asked) == asked
        await stage.pass_seconds(1)
        assert len(stage.feed.asked) == asked + 1
        await stage.press("minus", "minus", "minus", "minus")
        assert "LIVE 1s" in stage.lines[0]


async def test_a_terminal_that_nobody_looks_at_rests() -> None:
    async with staged() as stage:
        stage.app.on_app_blur()
        await stage.pass_seconds(BLUR_S - 1)
        assert "LIVE" in stage.lines[0]
        await stage.pass_seconds(1)
        asked = len(stage.feed.asked)
        assert "RESTING" in stage.lines[0]
        await stage.pass_seconds(5)
        assert len(stage.feed.asked) == asked
        stage.app.on_app_focus()
        await stage.rest()
        assert len(stage.feed.asked) > asked
        assert "LIVE" in stage.lines[0]


async def test_rates_are_drawn_from_counters_with_a_gap_at_a_restart() -> None:
    async with staged() as stage:
        for sent in (120_010, 120_020, 5, 15):
            stage.feed.queue = numbers(totals=Totals(sent, 300, 2))
            await stage.pass_seconds(1)
        assert list(stage.board.history.sent) == [10, 10, None, 10]
        assert stage.lines[2].rstrip().endswith("30")


async def test_a_lost_daemon_is_asked_again_and_found() -> None:
    async with staged() as stage:
        stage.feed.error = NotRunning("no daemon answers")
        await stage.pass_seconds(1)
        assert "DOWN" in stage.lines[0]
        assert "RETRY in 1s" in stage.lines[0]
        stage.feed.error = None
        await stage.pass_seconds(1)
        assert "UP 3d04h" in stage.lines[0]
        assert "does not answer" not in stage.text


async def test_the_daemon_is_started_from_here_when_it_is_down() -> None:
    async with staged() as stage:
        await stage.press("S")
        assert stage.sources.started == 0  # it runs
        stage.feed.error = NotRunning("no daemon answers")
        await stage.pass_seconds(1)
        stage.sources.failure = Conflict("[b]busy")
        await stage.press("S")
        await stage.until("[b]busy")
        assert stage.sources.started == 1
        stage.sources.failure = stage.feed.error = None
        await stage.press("S")
        assert "UP" in stage.lines[0]


async def test_a_slow_daemon_is_asked_less_often() -> None:
    class Slow(FakeFeed):
        takes_s = 0.0
        clock = Clock()

        async def numbers(self, tenant_id=None):
            self.clock.now += self.takes_s
            return await super().numbers(tenant_id)

    feed = Slow()
    async with staged(feed) as stage:
        feed.clock = stage.app.clock
        feed.takes_s = 3.1
        await stage.pass_seconds(1)
        assert "SLOW 3.1 s" in stage.lines[0]
        assert stage.board.link.factor == 2
        feed.takes_s = 0.0
        await stage.pass_seconds(2)
        assert "LIVE 1s" in stage.lines[0]


async def test_another_version_of_the_daemon_is_told() -> None:
    async with staged(version="1.1.0") as stage:
        assert "daemon 1.0.0, dashboard 1.1.0; restart the daemon" in stage.text


async def test_secrets_that_cannot_be_read_are_told_first() -> None:
    feed = busy()
    feed.queue = numbers(problem="the key is another one")
    async with staged(feed) as stage:
        assert " the key is another one" in stage.lines


async def test_read_only_offers_no_start() -> None:
    async with staged(is_read_only=True) as stage:
        stage.feed.error = NotRunning("no daemon answers")
        await stage.pass_seconds(1)
        await stage.press("S")
        assert stage.sources.started == 0


async def test_what_happens_is_shown_below_on_a_tall_screen() -> None:
    async with staged(size="140x40") as stage:
        stage.feed.happened.put_nowait(
            Happening(NOW, "sent", "acme", "smtp-main", "m1", "250 [b]taken")
        )
        await stage.until("250 [b]taken")
        assert any("sent" in line and "250 [b]taken" in line for line in stage.lines)


async def test_the_detail_follows_the_cursor_on_a_wide_screen() -> None:
    async with staged(size="140x40") as stage:
        await stage.press("end", "k", "k")
        await stage.until("What now:  the address does not exist")


async def test_keys_of_the_users_own_take_the_place_of_ours(tmp_path: Path) -> None:
    theirs = Preferences(tmp_path, keys={"pause": "x"})
    async with staged(preferences=theirs) as stage:
        await stage.press("x")
        assert stage.board.is_paused
        await stage.press("p")
        assert stage.board.is_paused


async def test_a_theme_that_was_chosen_is_kept(tmp_path: Path) -> None:
    async with staged(preferences=Preferences(tmp_path)) as stage:
        stage.app.theme = "nord"
        await stage.rest()
    assert load_preferences(tmp_path).theme == "nord"
    async with staged(preferences=Preferences(tmp_path, theme="nord")) as stage:
        assert stage.app.theme == "nord"
        stage.app.theme = "dracula"
        await stage.rest()
        assert load_preferences(tmp_path).theme == "dracula"
        stage.app.theme = "nord"
        await stage.rest()
        assert load_preferences(tmp_path).theme == "nord"
    async with staged(preferences=Preferences(tmp_path, theme="no-such")) as stage:
        assert stage.app.theme == "textual-dark"


async def test_every_key_that_is_ours_is_in_the_palette_too() -> None:
    async with staged() as stage:
        titles = {c.title for c in stage.app.get_system_commands(stage.app.screen)}
        assert {
            "Theme",
            "Freeze screen",
            "Tenant",
            "Filter",
            "Help",
            "Quit",
            "Refresh now",
        } <= titles
        assert "start" in action_ids(DashboardApp)


async def test_a_bug_ends_it_and_is_kept_for_who_ran_it() -> None:
    class Broken(FakeFeed):
        async def accounts(self, tenant_id=None):
            raise KeyError("surprise")

    app = dashboard(FakeSources(Broken()))

    async def watch() -> None:
        async with app.run_test():
            await app.settled()

    with pytest.raises(Exception, match="surprise"):
        await watch()
    assert app.crash is not None
    assert app.return_code == 1


async def test_one_answer_that_fails_leaves_the_rest_as_it_was() -> None:
    class Halting(FakeFeed):
        async def accounts(self, tenant_id=None):
            raise MailProxyError("cannot tell")

    async with staged(Halting()) as stage:
        assert "user1@example.com" in stage.text


async def test_a_message_is_opened_left_and_the_next_one_shown() -> None:
    async with staged() as stage:
        await stage.press("enter")
        assert stage.lines[0].startswith(f" myserver {CRUMB} acme {CRUMB} a81f0c09")
        await stage.press("n")
        assert stage.lines[0].startswith(f" myserver {CRUMB} acme {CRUMB} a81f0c11")
        await stage.press("N", "N")
        assert stage.lines[0].startswith(f" myserver {CRUMB} acme {CRUMB} a81f0c09")
        await stage.press("escape")
        assert stage.lines[0].startswith(" myserver  ●")


async def test_the_tabs_of_a_message_are_those_that_have_something_to_show() -> None:
    async with staged() as stage:
        await stage.press("end", "k", "k", "enter")
        await stage.until("[1 Timeline] 2 Body  3 Raw JSON")
        await stage.press("2")
        assert "[b]This[/b] is it." in stage.text
        assert "invoice.pdf" in stage.text
        await stage.press("3")
        assert '"id": "a81f0c02"' in stage.text
        await stage.press("4")
        assert "[3 Raw JSON]" in stage.text


async def test_an_id_is_copied_as_it_is_shown() -> None:
    async with staged() as stage:
        await stage.press("enter", "c")
        assert stage.app.clipboard == "a81f0c09"
        await stage.until("Copied")
