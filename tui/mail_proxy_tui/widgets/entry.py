"""A line to type in that a terminal only shows, whatever is pasted into it."""

from __future__ import annotations

from textual.widgets import Input

from mail_proxy.domain.safe_text import safe_text

_LONGEST = 2000  # characters; each line has a limit of its own below it


class Entry(Input):
    def validate_value(self, value: str) -> str:
        """Called before each change: what is pasted may hold escapes, which Textual would draw."""
        return safe_text(value, _LONGEST)
