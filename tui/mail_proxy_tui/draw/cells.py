"""One cell of a line: foreign text made safe, cut or filled to a width that wide letters keep."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from mail_proxy.domain.safe_text import safe_text

_LONGEST = 1000  # characters; no line is wider
_STEPS = ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"))


def fitted(value: object, width: int, *, right: bool = False, ellipsis: str = "…") -> str:
    """Exactly `width` cells of it."""
    text = safe_text(value, _LONGEST)
    length = cell_len(text)
    if length > width:
        cut = set_cell_size(text, max(width - cell_len(ellipsis), 0))
        # A wide letter that does not fit leaves a blank, which belongs behind the mark.
        kept = cut.rstrip() if cut.endswith(" ") else cut
        return set_cell_size(kept + ellipsis, width)
    return " " * (width - length) + text if right else text + " " * (width - length)


def cell(
    value: object, width: int, style: str = "", *, right: bool = False, ellipsis: str = "…"
) -> Text:
    return Text(fitted(value, width, right=right, ellipsis=ellipsis), style)


def clipped(line: Text, width: int, ellipsis: str) -> Text:
    """The line, its end replaced where it is too long."""
    if line.cell_len <= width:
        return line
    cut = line.copy()
    cut.truncate(max(width - cell_len(ellipsis), 0))
    cut.append(ellipsis)
    return cut


def short_count(n: int, width: int) -> str:
    """A count in at most `width` cells: in full, else `12k`, `3.4M`."""
    if len(str(n)) <= width:
        return str(n)
    for size, unit in _STEPS:
        if n >= size:
            fine = f"{n // (size // 10) / 10:.1f}{unit}"
            return fine if len(fine) <= width and n < 100 * size else f"{n // size}{unit}"
    return str(n)


def joined(parts: list[Text], gap: str = "  ") -> Text:
    return Text(gap).join(part for part in parts if part.plain)


def spread(left: Text, right: Text, width: int) -> Text:
    """One line with a text at each end; the left one is cut where both do not fit."""
    room = width - right.cell_len - 1
    kept = left.copy()
    if kept.cell_len > room:
        kept.truncate(max(room, 0))
    return Text.assemble(kept, " " * max(width - kept.cell_len - right.cell_len, 0), right)
