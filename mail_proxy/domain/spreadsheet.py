"""Text in a CSV file that a spreadsheet shall show, and not run.

Excel, LibreOffice and Google Sheets compute a cell that begins as a formula does, also one that
fetches a URL with what stands beside it. A `'` before it makes it text (OWASP, "CSV Injection").
"""

from __future__ import annotations

# The last four are the wide forms, which a Japanese Excel takes too.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", *"\uff1d\uff0b\uff0d\uff20")


def as_cell(text: str) -> str:
    """`text` for a cell; for texts alone: a number is a number also with its minus."""
    return f"'{text}" if text.startswith(_FORMULAS) else text


def from_cell(cell: str) -> str:
    """The text that `as_cell` wrote."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(_FORMULAS) else cell
