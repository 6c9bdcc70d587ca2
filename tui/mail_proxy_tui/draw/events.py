"""Which happenings are wanted, and what one tells in full. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mail_proxy.observe.news import KINDS
from mail_proxy_tui.feed.base import Happening

_ALWAYS = frozenset({"dropped", "summary"})  # what is told of the stream itself


@dataclass(frozen=True, slots=True)
class Wanted:
    """kinds: none: all. words: each must be somewhere in it, without regard to case."""

    kinds: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()

    def takes(self, event: Happening) -> bool:
        if event.kind in _ALWAYS and not self.words:
            return not self.kinds or bool(self.kinds & event.counts.keys())
        if self.kinds and event.kind not in self.kinds:
            return False
        parts = (event.kind, event.tenant_id, event.account_id, event.message_id, event.words)
        text = "\n".join(parts).lower()
        return all(word in text for word in self.words)


def wanted(text: str) -> Wanted:
    """From `sent,failed bob@example`: kinds with commas between, and other words."""
    kinds: set[str] = set()
    words: list[str] = []
    for part in text.lower().split():
        named = {name for name in part.split(",") if name}
        if named and named <= set(KINDS):
            kinds |= named
        else:
            words.append(part)
    return Wanted(frozenset(kinds), tuple(words))


def full_words(event: Happening) -> str:
    """All that it tells."""
    if event.kind == "summary":
        counts = ", ".join(f"{n} {kind}" for kind, n in _largest(event))
        return f"too many to show each: {counts}"
    if event.kind == "dropped":
        return f"{event.n} were missed: they came faster than they could be told"
    many = f"{event.n} times  " if event.n > 1 else ""
    return many + event.words


def _largest(event: Happening) -> Sequence[tuple[str, int]]:
    return sorted(event.counts.items(), key=lambda pair: -pair[1])
