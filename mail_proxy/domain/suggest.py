"""Near words for a typo: commands, instances, tenants, words of filters. For error paths."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

_LEAST = 0.6
_AS_GOOD = 0.12


def near(word: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Known words that `word` may have been meant as, the nearest first; no far one beside it."""
    matches = get_close_matches(word, sorted(set(known)), n=most, cutoff=_LEAST)
    if not matches:
        return []
    best = SequenceMatcher(a=word, b=matches[0]).ratio()
    return [m for m in matches if SequenceMatcher(a=word, b=m).ratio() >= best - _AS_GOOD]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?`, ` Similar: x, y`, or nothing."""
    matches = near(word, known)
    if not matches:
        return ""
    if len(matches) == 1:
        return f" Did you mean '{matches[0]}'?"
    return f" Similar: {', '.join(matches)}"
