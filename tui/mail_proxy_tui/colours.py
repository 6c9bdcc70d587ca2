"""From a theme of Textual to the styles that texts are drawn in."""

from __future__ import annotations

from collections.abc import Mapping

from textual.color import Color, ColorParseError

from mail_proxy_tui.draw.palette import PLAIN, Palette


def palette_of(variables: Mapping[str, str], *, has_colours: bool = True) -> Palette:
    """variables: of the theme, by name. has_colours False: greys would be left of them, and those
    may be that of the row under the cursor."""
    if not has_colours:
        return PLAIN

    def style(name: str) -> str:
        try:
            # The plain ones are for areas: as letters they are faint on a light background.
            return Color.parse(variables[f"text-{name}"]).rich_color.name
        except (KeyError, ColorParseError):
            return ""

    return Palette(
        sent=style("success"),
        deferred=style("warning"),
        failed=style("error"),
        sending=style("accent"),
    )
