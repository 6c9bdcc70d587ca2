"""What a scripted mail server is told to do at each step, instead of saying yes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from mail_proxy.domain.reply import Stage

Drop = Literal["before", "during", "after"]


@dataclass(slots=True)
class Rule:
    """One departure from the usual course.

    reply: sent as it stands, CRLF added; None: the usual one.
    drop: close the connection before, in the middle of, or after the reply.
    delay_s: waited before anything else. hangs: nothing more is ever said.
    recipient: only for this one; at MAIL: this sender.
    left: how often it still applies; None: always.
    """

    stage: Stage
    reply: str | None = None
    drop: Drop | None = None
    delay_s: float = 0.0
    hangs: bool = False
    recipient: str | None = None
    left: int | None = None

    def fits(self, stage: Stage, addresses: Collection[str]) -> bool:
        if self.stage is not stage or self.left == 0:
            return False
        return self.recipient is None or self.recipient in addresses


class Script:
    """Rules in the order they were given; the first that fits is followed."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []

    def add(self, rule: Rule) -> None:
        self._rules.append(rule)

    def clear(self) -> None:
        self._rules.clear()

    def rule_for(self, stage: Stage, addresses: Collection[str] = ()) -> Rule | None:
        """The rule to follow now; it is used up by that."""
        for rule in self._rules:
            if rule.fits(stage, addresses):
                if rule.left is not None:
                    rule.left -= 1
                return rule
        return None
