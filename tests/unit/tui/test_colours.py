"""The colours of the dashboard can be read in each theme, and are none where none are wanted."""

from __future__ import annotations

import pytest
from rich.color import Color as RichColor
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from mail_proxy_tui.colours import palette_of
from mail_proxy_tui.draw.palette import PLAIN
from tests.unit.tui.stage import staged

WITH_A_BACKGROUND = sorted(name for name in BUILTIN_THEMES if not name.startswith("ansi-"))


def contrast(one: Color, other: Color) -> float:
    """1 to 21, as the guidelines for the web reckon it (WCAG 2.2)."""
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: Color) -> float:
    parts = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in colour.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("theme", WITH_A_BACKGROUND)
def test_each_colour_can_be_read_on_the_background_of_its_theme(theme: str) -> None:
    variables = BUILTIN_THEMES[theme].to_color_system().generate()
    palette = palette_of(variables)
    for style in (palette.sent, palette.deferred, palette.failed, palette.sending):
        letters = Color.from_rich_color(RichColor.parse(style))
        assert contrast(letters, Color.parse(variables["background"])) >= 3.0, style


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
async def test_without_colours_no_word_takes_the_grey_of_the_row_under_the_cursor(
    theme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    async with staged() as stage:
        stage.app.theme = theme
        await stage.rest()
        assert stage.board.palette != PLAIN
    monkeypatch.setenv("NO_COLOR", "1")
    async with staged() as stage:
        stage.app.theme = theme
        await stage.rest()
        assert stage.board.palette == PLAIN
