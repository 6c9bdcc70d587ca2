"""Why a call was not made, or had no usable answer."""

from __future__ import annotations

from mail_proxy.domain.errors import Invalid, MailProxyError


class Blocked(Invalid):
    """The URL may not be called; the sentence names the host and the reason."""


class Unreachable(MailProxyError):
    """No answer in time, none at all, or one that is too large.

    status: of the answer, when its head was read; None else.
    """

    code = "unreachable"

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class TimedOut(Unreachable):
    """The whole answer was not there in time."""


class TooLong(Unreachable):
    """The answer has more bytes than are taken."""
