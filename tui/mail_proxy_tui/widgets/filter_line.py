"""The filter of a list: a line that the server reads, and what was wrong with it."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Label

from mail_proxy.domain.filter_text import WORDS
from mail_proxy.domain.safe_text import safe_text
from mail_proxy_tui.widgets.entry import Entry
from mail_proxy_tui.widgets.lines import Lines

_COMPARED = ("age", "tries")
QUALIFIERS = tuple(f"{word}:>" if word in _COMPARED else f"{word}:" for word in WORDS)
_VALUES = {
    "state": ("deferred", "ready", "sending", "held", "in_doubt", "suspended", "failed", "sent"),
    "pri": ("immediate", "high", "medium", "low"),
}


class FilterSuggester(Suggester):
    """Ends the last word: a qualifier, or one of the values that are known of it."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.tenants: tuple[str, ...] = ()
        self.accounts: tuple[str, ...] = ()

    async def get_suggestion(self, value: str) -> str | None:
        return self.ended(value)

    def ended(self, value: str) -> str | None:
        head, _, word = value.rpartition(" ")
        sign = "-" if word.startswith("-") else ""
        bare = word.removeprefix("-")
        if not bare:
            return None
        name, colon, part = bare.partition(":")
        if not colon:
            return self._first(QUALIFIERS, bare, head, sign)
        first, _, last = part.rpartition(",")
        before = f"{name}:{first}," if first else f"{name}:"
        known = {"tenant": self.tenants, "account": self.accounts, **_VALUES}.get(name, ())
        found = next((v for v in known if v.startswith(last) and v != last), None) if last else None
        return None if found is None else self._line(head, f"{sign}{before}{found}")

    def _first(self, words: tuple[str, ...], part: str, head: str, sign: str) -> str | None:
        found = next((word for word in words if word.startswith(part)), None)
        return None if found is None else self._line(head, sign + found)

    @staticmethod
    def _line(head: str, word: str) -> str:
        return f"{head} {word}" if head else word


class FilterInput(Entry):
    """`esc` leaves it and changes nothing; a tab takes the suggestion."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "back", id="filter-leave"),
        Binding("tab", "cursor_right", "complete", show=False, id="filter-complete"),
    ]

    class Left(Message):
        pass

    def action_leave(self) -> None:
        self.post_message(self.Left())


class FilterLine(Vertical):
    """`/ state:deferred ...  sort: next ^`, and below it why the last one was not understood."""

    class Asked(Message):
        """Show what this finds; empty: everything."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """The keys go back to the list."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.suggester = FilterSuggester()
        self.applied = ""

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Label(" / ", markup=False)
            yield FilterInput(
                placeholder="what is queued, and what has failed",
                compact=True,
                suggester=self.suggester,
                max_length=1000,
            )
            yield Lines(id="sort")
        yield Lines(id="filter-error")

    def on_mount(self) -> None:
        # Only `/` and the mouse go there: tab stays with the list.
        self.query_one(FilterInput).can_focus = False

    def open(self) -> None:
        line = self.query_one(FilterInput)
        line.can_focus = True
        line.focus()

    def put(self, text: str) -> None:
        """As if it had been typed and sent."""
        self.applied = text
        self.query_one(FilterInput).value = text

    def tell_sort(self, words: str) -> None:
        self.query_one("#sort", Lines).show([Text(f"sort: {words}")])

    def tell_error(self, reason: str, style: str) -> None:
        """Empty: it was understood."""
        line = self.query_one("#filter-error", Lines)
        line.display = bool(reason)
        line.show([Text(f" ! {safe_text(reason, 300)}", style)])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.applied = event.value.strip()
        self.post_message(self.Asked(self.applied))
        self._close()

    def on_filter_input_left(self, event: FilterInput.Left) -> None:
        event.stop()
        self.query_one(FilterInput).value = self.applied
        self._close()

    def _close(self) -> None:
        self.query_one(FilterInput).can_focus = False
        self.post_message(self.Left())
