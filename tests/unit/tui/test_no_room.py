"""A terminal without room: the notice over all that is open, and no key but the way out."""

from __future__ import annotations

import pytest

from tests.unit.tui.stage import staged

pytestmark = pytest.mark.slow

SMALL = [(40, 10), (59, 15), (60, 14)]
ROOM = (80, 24)
OPENED = {
    "nothing": (),
    "a message": ("enter",),
    "help": ("question_mark",),
    "the picker": ("t",),
    "a question": ("d",),
    "settling": ("end", "k", "i"),
    "export": ("E",),
    "the palette": ("ctrl+p",),
}


@pytest.mark.parametrize("size", SMALL)
@pytest.mark.parametrize("opened", OPENED)
async def test_only_the_notice_is_seen_and_what_was_open_comes_back_unanswered(
    opened: str, size: tuple[int, int]
) -> None:
    async with staged() as stage:
        await stage.press(*OPENED[opened])
        await stage.pilot.pause(0.4)  # a caret blinks, a palette lists
        before, screen, acted = stage.text, stage.app.screen, list(stage.feed.acted)
        focused = screen.focused
        await stage.pilot.resize_terminal(*size)
        await stage.until(f"Terminal too small: {size[0]}\u00d7{size[1]}")
        await stage.rest()
        shown = " ".join(stage.text.replace("\u00d7", "x").split())
        told = f"Terminal too small: {size[0]}x{size[1]}, need 60x15."
        assert shown == f"{told} Or run: mail-proxy myserver stats"
        for key in ("y", "enter", "escape", "i", "s", "d", "E", "question_mark", "x"):
            await stage.pilot.press(key)
        await stage.rest()
        assert stage.app.screen is screen
        await stage.pilot.resize_terminal(*ROOM)
        await stage.rest()
        assert stage.app.screen is screen
        assert stage.app.screen.focused is focused
        assert stage.text == before
        assert stage.feed.acted == acted


async def test_a_key_that_was_pressed_without_room_asks_and_does_nothing() -> None:
    async with staged(size=(40, 10)) as stage:
        await stage.press("d", "y", "E", "enter", "question_mark", "r", "R")
        assert stage.feed.acted == []
        assert len(stage.app.screen_stack) == 1
        assert stage.text.startswith("Terminal too small")


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_without_room_the_way_out_works_also_under_a_dialog(key: str) -> None:
    async with staged() as stage:
        await stage.press("d")
        await stage.pilot.resize_terminal(40, 10)
        await stage.pilot.press(key)
        await stage.pilot.pause()
        assert not stage.app.is_running
        assert all(is_trial for _, is_trial in stage.feed.acted)
