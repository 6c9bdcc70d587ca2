"""Near words for a typo: commands, instances and tenants alike. Only error paths load it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def near(word: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Known words that `word` may have been meant as, the nearest first."""
    return get_close_matches(word, sorted(set(known)), n=most, cutoff=0.6)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?`, ` Similar: x, y`, or nothing."""
    matches = near(word, known)
    if not matches:
        return ""
    if len(matches) == 1:
        return f" Did you mean '{matches[0]}'?"
    return f" Similar: {', '.join(matches)}"
