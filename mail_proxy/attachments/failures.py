"""Why a content could not be had, before it is known in whose name it is told."""

from __future__ import annotations

from enum import Enum, auto
from http import HTTPStatus

from mail_proxy.domain.errors import AttachmentFailed, MailProxyError

# Whoever answers so asks for another try, though it is a 4xx.
_COMES_AGAIN = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)


class Kind(Enum):
    CAUSE = auto()
    TIMEOUT = auto()
    NO_DATA = auto()
    OURS = auto()  # this machine lacks something: room, a disk that works, threads


class FetchFailed(MailProxyError):
    """`cause` holds no secret, no path and no query of a URL."""

    code = "attachment"

    def __init__(self, cause: str, *, is_permanent: bool, kind: Kind = Kind.CAUSE) -> None:
        super().__init__(cause)
        self.cause = cause
        self.is_permanent = is_permanent
        self.kind = kind


class NoRoom(MailProxyError):
    """It is larger than the room that was kept for it, and there is no more now.

    filename: of the attachment, once that is known. needed_bytes: by its message in all, as far as
    it got.
    """

    code = "attachment"

    def __init__(self, filename: str = "", needed_bytes: int = 0) -> None:
        super().__init__("there is no room for it")
        self.filename = filename
        self.needed_bytes = needed_bytes


def told(filename: str, failure: FetchFailed) -> AttachmentFailed:
    """The failure in the words of the wire."""
    match failure.kind:
        case Kind.TIMEOUT:
            text = f"Attachment {filename} fetch timed out"
        case Kind.NO_DATA:
            text = f"Attachment {filename} returned no data"
        case Kind.CAUSE | Kind.OURS:
            text = f"Attachment fetch failed for {filename}: {failure.cause}"
    is_ours = failure.kind is Kind.OURS
    return AttachmentFailed(text, is_permanent=failure.is_permanent, is_ours=is_ours)


def ours(cause: str) -> FetchFailed:
    return FetchFailed(cause, is_permanent=False, kind=Kind.OURS)


def timed_out() -> FetchFailed:
    return FetchFailed("it timed out", is_permanent=False, kind=Kind.TIMEOUT)


def no_data() -> FetchFailed:
    """A server that says nothing may be about to say more; nothing tells that it never will."""
    return FetchFailed("there was no data", is_permanent=False, kind=Kind.NO_DATA)


def too_large(limit_bytes: int) -> FetchFailed:
    limit = f"{limit_bytes / 2**20:g} MiB (GMP_ATTACHMENT_MAX_MB)"
    return FetchFailed(f"it is larger than {limit}", is_permanent=True)


def refused_by(host: str, status: int) -> FetchFailed:
    """An answer that is no success; what is not known to be for good may come again."""
    is_permanent = 400 <= status < 500 and status not in _COMES_AGAIN
    return FetchFailed(f"{host} answered {_shown(status)}", is_permanent=is_permanent)


def _shown(status: int) -> str:
    # Our words for the number: a server's own may hold anything.
    try:
        return f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)
