"""Foreign text made fit for a terminal.

Whoever sends a mail chooses its subject, and a mail server its replies. An escape sequence in one
of them could set the title of the operator's window, or fill the clipboard. Nothing that comes
from outside is shown before it went through `safe_text`.
"""

from __future__ import annotations

import re

LIMIT = 2000  # characters; more is a flood on any screen
REPLACEMENT = "\ufffd"

_BREAKS = re.compile(r"[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# Direction marks reorder what is read, zero-width and tag characters hide in it, and a lone
# surrogate cannot be written at all.
_DECEIVING = re.compile(
    r"[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff\U000e0000-\U000e007f]"
)

_LAYOUT = re.compile(r"(\n|\t|\x1b\[(?:[0-4]|[39][0-7])?m)")


def safe_text(value: object, limit: int = LIMIT) -> str:
    """One line that no terminal acts on, at most `limit` characters.

    Line breaks and tabs become a space, other controls (C0, C1) go, characters that reorder or
    hide text are shown as U+FFFD. `None` is the empty text.
    """
    text = "" if value is None else str(value)
    # Cut first, so that a huge text costs no more than a small one.
    cut = text[: limit + 1]
    if not (cut.isascii() and cut.isprintable()):
        cut = _DECEIVING.sub(REPLACEMENT, _CONTROLS.sub("", _BREAKS.sub(" ", cut)))
    if len(text) > limit:
        return cut[: max(limit - 1, 0)] + "…"
    return cut


def is_as_it_looks(text: str) -> bool:
    """Whether a terminal shows each of its characters: it may be offered to be chosen."""
    return text.isprintable() and safe_text(text, len(text)) == text


def safe_page(text: str) -> str:
    """A text of several lines that a terminal only shows: its line ends, tabs and colours stay.

    For whole pages that are about to be written; each foreign text in one still goes through
    `safe_text`, as one may not begin a line.
    """
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    parts = _LAYOUT.split(text)
    # Every other part is what stays.
    parts[::2] = [safe_text(part, len(part)) for part in parts[::2]]
    return "".join(parts)


def visible(text: str) -> str:
    """`text` with escapes in place of octets that were no UTF-8 (`surrogateescape`)."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
