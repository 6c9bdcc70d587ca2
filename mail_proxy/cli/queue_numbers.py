"""The queue in three numbers, as an answer of getStats tells them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mail_proxy.domain import units

_WORDS = {"pending": "pending", "sent": "sent", "error": "failed"}  # the wire's, and people's


def queue_numbers(stats: Mapping[str, Any]) -> dict[str, int]:
    """In the wire's words; empty where nothing is known of it."""
    counts = stats.get("messages") or {}
    return {key: int(counts.get(key, 0)) for key in _WORDS if counts}


def queue_line(stats: Mapping[str, Any]) -> str:
    """In people's words; what waits for a person is told where there is any."""
    numbers, states = queue_numbers(stats), stats.get("by_state") or {}
    told = {word: numbers.get(key, 0) for key, word in _WORDS.items()}
    told |= {key.replace("_", " "): n for key in ("held", "in_doubt") if (n := states.get(key))}
    return ", ".join(f"{units.count(int(n))} {word}" for word, n in told.items())
