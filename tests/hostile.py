"""Text of an enemy, and what may never come of it on a terminal."""

from __future__ import annotations

import re

ESCAPES = "\x1b]0;owned\x07\x1b]52;c;b3duZWQ=\x1b\\\x1b[2J\x1b[31m\x9b31m\x85\x08\x7f\x00"

# Each keeps `keep` at its start, so that a test can tell that it was not hidden.
TEXTS = {
    "markup": "keep[/b][link=http://x][@click=app.quit]now[/][red]",
    "escapes": f"keep{ESCAPES}end",
    "lines": "keep\r\nerror: forged\rover\u2028and\u2029on\x0b\x0c\ttab",
    "directions": "keep\u202egpj.exe\u2066x\u2069\u200f\u061c",
    "hidden": "keep\u200b\u200d\ufeff\u00ad\U000e0041end",
    "wide": "keep日本語のメール👩\u200d👩\u200d👧🇮🇹e\u0301\u0327漢字",
    "shell": "keep$(touch executed)`touch executed`'\";touch executed;|&>executed",
    "roff": "keep\n.so /etc/passwd\n'br\\f(BI",
    "format": "keep{0}{tenant_id}%s%n{x.__class__}\\N{BULLET}\\x1b",
    "dashes": "--keep --force",
    "long": "keep" + "W" * 5000,
}

# What the program itself writes to a terminal: colours and weights, no more.
_OURS = re.compile(r"\x1b\[[0-9;]*m")
_FORBIDDEN = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    r"\ud800-\udfff\U000e0000-\U000e007f]"
)


def without_colours(text: str) -> str:
    return _OURS.sub("", text)


def forbidden(text: str) -> list[str]:
    """Where the text would act on a terminal or deceive: a few characters around each."""
    bare = without_colours(text)
    return [repr(bare[max(0, m.start() - 40) : m.end() + 20]) for m in _FORBIDDEN.finditer(bare)]
