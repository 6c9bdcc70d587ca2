"""`--ascii`: no letter on the screen that not every terminal has, whatever is open."""

from __future__ import annotations

import pytest

from tests.unit.tui.stage import staged

pytestmark = pytest.mark.slow

OPENED = {
    "help": ("question_mark",),
    "help that was scrolled": ("question_mark", "down", "down", "pagedown"),
    "the picker": ("t",),
    "a question": ("d",),
    "settling": ("end", "k", "i"),
    "export": ("E",),
    "a message": ("enter",),
    "its raw JSON": ("enter", "4"),
    "the palette": ("ctrl+p",),
    "what was found in the palette": ("ctrl+p", "x", "p"),
    "the themes": ("ctrl+p", "t", "h", "e", "m", "e", "enter"),
}


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (140, 40)])
@pytest.mark.parametrize("opened", OPENED)
async def test_what_is_open_is_drawn_in_plain_letters(opened: str, size: tuple[int, int]) -> None:
    async with staged(size=size, is_ascii=True) as stage:
        for key in OPENED[opened]:
            await stage.press(key)
            await stage.pilot.pause(0.3)  # the palette looks for what was typed
            assert not {each for each in stage.text if not each.isascii()}


async def test_notices_and_the_want_of_room_are_told_in_plain_letters() -> None:
    async with staged(is_ascii=True) as stage:
        for is_good in (True, False):
            stage.app.say("told", is_good=is_good)
        await stage.rest()
        assert "told" in stage.text
        assert stage.text.isascii()
        await stage.pilot.resize_terminal(40, 10)
        await stage.until("Terminal too small: 40x10")
        assert stage.text.isascii()
