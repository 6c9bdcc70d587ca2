"""From a theme of Textual to the styles that texts are drawn in."""

from __future__ import annotations

from collections.abc import Mapping

from textual.color import Color, ColorParseError

from mail_proxy_tui.draw.palette import Palette


def palette_of(variables: Mapping[str, str]) -> Palette:
    """variables: of the theme, by name."""

    def style(name: str) -> str:
        try:
            return Color.parse(variables[name]).rich_color.name
        except (KeyError, ColorParseError):
            return ""

    return Palette(
        sent=style("success"),
        deferred=style("warning"),
        failed=style("error"),
        sending=style("accent"),
    )
