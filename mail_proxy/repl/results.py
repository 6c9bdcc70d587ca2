"""What a call of the REPL answers with: a table of rows, one thing, or a text.

All are ordinary values for a program, and draw themselves for a person: cut to the screen on a
terminal, whole and tab-separated in a pipe. Nothing foreign is drawn that is not safe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, SupportsIndex, TypeAlias, overload

from mail_proxy.domain.units import count
from mail_proxy.repl import saving
from mail_proxy.repl.drawn import Fragments, Screen, record_text, table_text
from mail_proxy.tables.columns import Column

SHOWN = 100  # rows at a time

Row: TypeAlias = dict[str, Any]
ToRow: TypeAlias = Callable[[Mapping[str, Any]], Row]


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list, and how to go on.

    fetch: the page after it; None when this is the last one.
    left: how many rows come after it, where that is known; `is_least`: or more.
    """

    rows: list[Row]
    fetch: Callable[[], Page] | None = None
    left: int | None = None
    is_least: bool = False


class Text(str):  # noqa: SLOT000 - a text or two at a time
    """A text that is shown as it is, and not as Python writes it."""

    def __repr__(self) -> str:
        return str(self)

    def __pt_repr__(self) -> Fragments:
        return [("", str(self))]


class Record(dict[str, Any]):
    """One thing, or an answer: a dict that shows a line for each field."""

    def __init__(self, values: Mapping[str, Any], screen: Screen) -> None:
        super().__init__(values)
        self._screen = screen

    def json(self) -> Text:
        """As JSON, with its times as RFC 3339."""
        return Text(saving.json_text(dict(self)))

    def __repr__(self) -> str:
        return "".join(text for _, text in self.__pt_repr__())

    def __pt_repr__(self) -> Fragments:
        return record_text(self, self._screen)


class Table:
    """Rows of a list, as dicts.

    It holds the first page; to iterate over it brings all the others too. `len` counts the rows
    that are here.
    """

    def __init__(
        self, page: Page, screen: Screen, columns: Sequence[Column] = (), to_row: ToRow = dict
    ) -> None:
        """columns: what is drawn; empty: all fields. to_row: a record as it is drawn."""
        self._page = page
        self._screen = screen
        self._columns = columns
        self._to_row = to_row

    @property
    def rows(self) -> list[Row]:
        """The rows that are here, whole."""
        return self._page.rows

    @property
    def total(self) -> int | None:
        """How many rows the list has, with those to come; None where nobody has counted them."""
        if self._page.fetch is None:
            return len(self.rows)
        if self._page.left is None or self._page.is_least:
            return None
        return len(self.rows) + self._page.left

    def more(self) -> Table:
        """The rows after those that are shown."""
        rest = self.rows[SHOWN:]
        page = self._page
        if rest:
            page = Page(rest, page.fetch, page.left, page.is_least)
        else:
            page = page.fetch() if page.fetch else Page([])
        return Table(page, self._screen, self._columns, self._to_row)

    def json(self) -> Text:
        """The rows that are here as JSON, with times as RFC 3339."""
        return Text(saving.json_text(self.rows))

    def save(self, path: str | Path) -> Text:
        """Write all rows, those of later pages too: `.csv`, `.tsv`, `.json` or `.jsonl`.

        The file is its owner's alone, and there as a whole or not at all. In CSV a text that a
        spreadsheet would take for a formula has a `'` before it.
        """
        number = saving.save(path, iter(self), self._columns, self._to_row)
        return Text(f"saved {count(number)} row{'' if number == 1 else 's'} to {path}")

    def __iter__(self) -> Iterator[Row]:
        page = self._page
        yield from page.rows
        while page.fetch is not None:
            page = page.fetch()
            yield from page.rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, at: SupportsIndex) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...
    def __getitem__(self, at: SupportsIndex | slice) -> Record | list[Row]:
        if isinstance(at, slice):
            return self.rows[at]
        return Record(self.rows[at], self._screen)

    def __repr__(self) -> str:
        return "".join(text for _, text in self.__pt_repr__())

    def __pt_repr__(self) -> Fragments:
        records = [self._to_row(row) for row in self.rows[:SHOWN]]
        return [*table_text(self._columns, records, self._screen), *self._footer()]

    def _footer(self) -> Fragments:
        if not self._screen.is_terminal or not self.rows:
            return []
        hidden = max(0, len(self.rows) - SHOWN)
        if not hidden and self._page.fetch is None:
            return []
        left = self._page.left
        if self._page.fetch is not None and left is None:
            return [("italic", "\nthere are more: _.more()")]
        at_least = "at least " if self._page.is_least else ""
        return [("italic", f"\n{at_least}{count(hidden + (left or 0))} more: _.more()")]
