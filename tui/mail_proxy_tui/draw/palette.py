"""Which style means what. No other colour carries meaning, and each meaning has a word as well."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Palette:
    """Rich styles; the defaults are for tests and for a terminal without colours."""

    sent: str = ""
    deferred: str = ""
    failed: str = ""
    sending: str = ""
    muted: str = "dim"
    strong: str = "bold"
    head: str = "bold"


PLAIN = Palette()
