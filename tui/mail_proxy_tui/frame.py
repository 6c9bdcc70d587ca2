"""The characters of a screen, without colours: for `top --once`, and for tests."""

from __future__ import annotations

from typing import Any

from textual.app import App


def frame_text(app: App[Any]) -> str:
    """A line for each line of the screen, without blanks at their ends."""
    # Only the compositor knows what is where; Textual makes its own pictures of it in this way.
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips) + "\n"
