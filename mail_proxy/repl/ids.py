"""The ids of a list while somebody goes over them: the mapping's `iter` and `len` in one answer."""

from __future__ import annotations

from collections.abc import Iterator

from mail_proxy.repl.results import Row, Table


class Ids(Iterator[str]):
    """Ids of a table; pages come as they are needed.

    `list` begins and asks for the number before it takes the first: `number` is of the same answer.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows: list[Row] | None = None  # all of them, where they had to be counted
        self._going: Iterator[Row] | None = None

    @property
    def has_gone(self) -> bool:
        """The first was taken, so the answer is as old as that."""
        return self._going is not None

    def number(self) -> int:
        """How many there are; where nobody has counted them all pages are brought, once."""
        if self._table.total is not None:
            return self._table.total
        if self._rows is None:
            self._rows = [*self._table]
        return len(self._rows)

    def __next__(self) -> str:
        if self._going is None:
            self._going = iter(self._table if self._rows is None else self._rows)
        return str(next(self._going)["id"])
