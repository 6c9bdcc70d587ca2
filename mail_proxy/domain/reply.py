"""What a mail server answers (RFC 5321 section 4.2, RFC 3463), and at which step it did."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?:\s|$)")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
TEXT_LIMIT = 500  # characters kept of a reply: enough for a reason, too few for a flood


class Stage(StrEnum):
    """The step of a delivery that an answer belongs to."""

    TOKEN = "token"  # noqa: S105 - a step: the token endpoint of a login with OAuth 2.0
    CONNECT = "connect"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"  # the final dot: the reply to the whole message

    @property
    def words(self) -> str:
        """The stage as an operator reads it."""
        return _WORDS[self]


_WORDS = {
    Stage.TOKEN: "token endpoint",
    Stage.CONNECT: "connection failed",
    Stage.TLS: "TLS failed",
    Stage.AUTH: "login refused",
    Stage.MAIL: "sender refused",
    Stage.RCPT: "recipient refused",
    Stage.DATA: "message refused",
    Stage.DOT: "message refused",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """One SMTP reply: `code` 200 to 599, `enhanced` as `5.1.1` or empty, `text` one line."""

    code: int
    enhanced: str
    text: str

    @property
    def is_positive(self) -> bool:
        return 200 <= self.code < 400

    @property
    def is_transient(self) -> bool:
        """4yz: may be repeated later."""
        return 400 <= self.code < 500

    @property
    def is_permanent(self) -> bool:
        """5yz: must not be repeated unchanged."""
        return 500 <= self.code < 600

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.enhanced, self.text) if part)


def parse_reply(code: int, text: str) -> Reply:
    """Make a Reply of what a server sent; controls become spaces, long text is cut."""
    line = (text if text.isprintable() else _CONTROLS.sub(" ", text)).strip()
    match = _ENHANCED.match(line)
    if match and match[1] == str(code)[:1]:
        return Reply(code, match[0].strip(), line[match.end() :].strip()[:TEXT_LIMIT])
    return Reply(code, "", line[:TEXT_LIMIT])
