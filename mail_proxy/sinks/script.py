"""What a scripted mail server is told to do at each step, instead of saying yes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Literal

from mail_proxy.domain.reply import Stage

Drop = Literal["before", "during", "after"]


class Moment(StrEnum):
    """Where a script may step in, besides the stages of a delivery."""

    EHLO = auto()
    HANDSHAKE = auto()  # after the 220 to STARTTLS; a reply is then said in clear instead of TLS
    BODY = auto()  # while the message comes, before its final dot is looked for
    RSET = auto()
    QUIT = auto()


Step = Stage | Moment


@dataclass(slots=True)
class Rule:
    """One departure from the usual course.

    reply: sent as it stands, CRLF added; None: the usual one. It may hold further lines.
    drop: close the connection before, in the middle of, or after the reply.
    resets: close with RST, as a server that was killed or a firewall does, and not with FIN.
    delay_s: waited before anything else. hangs: nothing more is ever said.
    drip_s: seconds between the octets of the reply.
    after_bytes: at BODY: so many octets of the message are read first.
    recipient: only for this one; at MAIL: this sender; at AUTH: this user.
    skip: how often it fits first and is not followed.
    left: how often it still applies; None: always.
    """

    at: Step
    reply: str | None = None
    drop: Drop | None = None
    resets: bool = False
    delay_s: float = 0.0
    hangs: bool = False
    drip_s: float = 0.0
    after_bytes: int = 1
    recipient: str | None = None
    skip: int = 0
    left: int | None = None

    def fits(self, at: Step, addresses: Collection[str]) -> bool:
        if self.at is not at or self.left == 0:
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

    @property
    def is_used_up(self) -> bool:
        """No rule will be followed any more."""
        return all(rule.left == 0 for rule in self._rules)

    def rule_for(self, at: Step, addresses: Collection[str] = ()) -> Rule | None:
        """The rule to follow now; it is used up by that."""
        for rule in self._rules:
            if rule.fits(at, addresses):
                if rule.skip:
                    rule.skip -= 1
                    continue
                if rule.left is not None:
                    rule.left -= 1
                return rule
        return None
