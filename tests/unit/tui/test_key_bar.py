"""The line of keys at the bottom."""

from __future__ import annotations

from mail_proxy.domain.errors import NotRunning
from mail_proxy_tui.screens.confirm import ConfirmScreen
from mail_proxy_tui.screens.help import HelpScreen
from mail_proxy_tui.widgets.key_bar import Key, KeyBar, fitting
from tests.unit.tui.stage import Stage, staged

KEYS = [
    Key("enter", "\u23ce", "open", "open", is_on=True),  # 7 columns with its gap
    Key("d", "d", "delete", "delete", is_on=True),  # 9
    Key("x", "x", "mark", "mark", is_on=True),  # 7
    Key("question_mark", "?", "help", "help", is_on=True),  # 7
    Key("q", "q", "quit", "quit", is_on=True),  # 7
]


def test_help_and_quit_are_kept_whatever_else_there_is_no_room_for() -> None:
    assert [key.name for key in fitting(KEYS, 37)] == [key.name for key in KEYS]
    assert [key.name for key in fitting(KEYS, 36)] == ["enter", "d", "question_mark", "q"]
    assert [key.name for key in fitting(KEYS, 21)] == ["enter", "question_mark", "q"]
    assert [key.name for key in fitting(KEYS, 5)] == ["question_mark", "q"]


async def click(stage: Stage, words: str) -> None:
    bar = stage.app.screen.query_one(KeyBar)
    await stage.pilot.click(bar, offset=(stage.lines[-1].index(words), 0))
    await stage.pilot.pause()


async def test_a_click_on_a_key_presses_it() -> None:
    async with staged() as stage:
        await click(stage, "help")
        assert isinstance(stage.app.screen, HelpScreen)
        await stage.press("escape")
        await click(stage, "delete")
        assert isinstance(stage.app.screen, ConfirmScreen)


async def test_a_click_between_two_keys_or_behind_the_last_does_nothing() -> None:
    async with staged() as stage:
        before = stage.text
        await stage.pilot.click(KeyBar, offset=(stage.lines[-1].index(" ? "), 0))
        await stage.pilot.click(KeyBar, offset=(79, 0))
        await stage.rest()
        assert stage.text == before


async def test_a_key_that_does_nothing_now_is_dim_and_rings(monkeypatch) -> None:
    async with staged() as stage:
        bar = stage.app.screen.query_one(KeyBar)
        assert not bar.render().spans[0].style.dim
        stage.feed.error = NotRunning("no daemon answers")
        await stage.pass_seconds(1)
        await stage.until("start daemon")
        words = bar.render()
        at = words.plain.index("delete")
        assert all(span.style.dim for span in words.spans if span.start <= at < span.end)
        rung = []
        monkeypatch.setattr(stage.app, "bell", lambda: rung.append(True))
        await click(stage, "delete")
        assert rung == [True]
        assert not isinstance(stage.app.screen, ConfirmScreen)


async def test_the_key_under_the_mouse_is_shown() -> None:
    async with staged() as stage:
        bar = stage.app.screen.query_one(KeyBar)
        await stage.pilot.hover(KeyBar, offset=(stage.lines[-1].index("help"), 0))
        assert bar.hovered == "question_mark"
        await stage.pilot.hover(KeyBar, offset=(79, 0))
        assert bar.hovered == ""
