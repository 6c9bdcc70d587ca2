"""From the bytes of a mail server to replies (RFC 5321 section 4.2), whatever the cut.

Sizes are bounded: a server that never ends its line or its reply is not listened to for long.
"""

from __future__ import annotations

import re
from functools import lru_cache

from mail_proxy.domain.reply import Reply, parse_reply

MAX_LINE_BYTES = 4096  # RFC 5321 section 4.5.3.1.5 says 512; real servers exceed it
MAX_REPLY_BYTES = 32768  # all lines of one reply

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_REPEATED_STATUS = re.compile(r"^[245]\.\d{1,3}\.\d{1,3} ")


class NotSmtp(ValueError):
    """What came is no SMTP reply, or an endless one."""


class ReplyReader:
    """Collects bytes; gives whole replies."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[bytes] = []
        self._reply_bytes = 0

    @property
    def is_empty(self) -> bool:
        """Nothing of a further reply has come."""
        return not self._rest and not self._lines

    def feed(self, data: bytes) -> list[Reply]:
        """Replies completed by `data`, in order. Raises NotSmtp, and is of no use after that."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            raise NotSmtp("the server sent an endless line")
        replies = []
        for line in lines:
            reply = self._take(line.removesuffix(b"\r"))
            if reply is not None:
                replies.append(reply)
        return replies

    def _take(self, line: bytes) -> Reply | None:
        if not self._lines and (reply := _alone(line)) is not None:
            return reply
        match = _LINE.fullmatch(line)
        if match is None:
            raise NotSmtp(f"the server sent no SMTP reply but {_shown(line)}")
        self._reply_bytes += len(line)
        if len(line) > MAX_LINE_BYTES or self._reply_bytes > MAX_REPLY_BYTES:
            raise NotSmtp("the server sent an endless reply")
        code, mark, text = match.groups(default=b"")
        if mark == b"-":
            self._lines.append(line)
            return None
        return self._complete(code, text)

    def _complete(self, code: bytes, text: bytes) -> Reply:
        earlier, self._lines, self._reply_bytes = self._lines, [], 0
        if any(line[:3] != code for line in earlier):
            raise NotSmtp("the server sent one reply with two codes")
        return parse_reply(int(code), _joined([line[4:] for line in earlier] + [text]))


@lru_cache(maxsize=256)  # servers say the same thing to each MAIL and RCPT
def _alone(line: bytes) -> Reply | None:
    """A reply of one line; None for any other line, and for one that is too long."""
    match = _LINE.fullmatch(line)
    if match is None or match[2] == b"-" or len(line) > MAX_LINE_BYTES:
        return None
    return parse_reply(int(match[1]), (match[3] or b"").decode("utf-8", "replace"))


def _joined(texts: list[bytes]) -> str:
    """One line of many; the enhanced status stands in front once, not before each line."""
    first, *others = (text.decode("utf-8", "replace").strip() for text in texts)
    return " ".join([first, *(_REPEATED_STATUS.sub("", other) for other in others)])


def _shown(line: bytes) -> str:
    return repr(line[:60].decode("utf-8", "replace"))
