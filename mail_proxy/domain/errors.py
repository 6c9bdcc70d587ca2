"""Every failure that a caller may meet, and who is at fault.

An error carries a `code` (one word, on the wire and in exit codes), a sentence, and what a program
needs in attributes. Faces map the code to an HTTP status or an exit code; nothing else is decided
from an error's text.
"""

from __future__ import annotations

from collections.abc import Sequence

from mail_proxy.domain.reply import Reply, Stage


class MailProxyError(Exception):
    """Base of all errors that this package raises on purpose."""

    code = "internal"
    http_status = 0  # of the answer that told of it; 0 where it came over no wire
    request_id = ""  # of the answer that told of it; empty where it came over no wire

    def __init__(self, message: str, *, detail: object = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.detail = message if detail is None else detail  # what the wire sends as `detail`
        self.hint = hint  # the next command, for people


# --- the caller's fault ---


class Invalid(MailProxyError):
    """A value is wrong; `field` names it."""

    code = "invalid"

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        detail: object = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, detail=detail, hint=hint)
        self.field = field


class Malformed(Invalid):
    """The body is not JSON, or a container has the wrong type (HTTP 422)."""

    code = "malformed"


class NotFound(MailProxyError):
    """There is no such tenant, account, message or command."""

    code = "not_found"


class Unauthorized(MailProxyError):
    """No token, a wrong one, or one of another tenant."""

    code = "unauthorized"


class Forbidden(MailProxyError):
    """The token is good and this is not for it."""

    code = "forbidden"


class Conflict(MailProxyError):
    """The thing is in a state that does not allow this."""

    code = "conflict"


class TooLarge(MailProxyError):
    """The request is over the limit (HTTP 413)."""

    code = "too_large"


class BadSignature(MailProxyError):
    """A post is not signed, not by a known secret, or not of this time."""

    code = "bad_signature"


class UnsupportedEncoding(MailProxyError):
    """The body is compressed (HTTP 415)."""

    code = "unsupported"


class TooMany(MailProxyError):
    """A limit of requests, or of what may wait, is reached (HTTP 429).

    limit: its name. retry_after_s: when it is worth asking again.
    """

    code = "too_many"

    def __init__(
        self,
        message: str,
        *,
        limit: str = "",
        retry_after_s: float = 1.0,
        detail: object = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, detail=detail, hint=hint)
        self.limit = limit
        self.retry_after_s = retry_after_s


# --- the operator's or the machine's fault ---


class ConfigurationError(MailProxyError):
    """A setting, a folder or a key is not usable."""

    code = "configuration"


class Locked(MailProxyError):
    """Another process holds the database; `holder` says which."""

    code = "locked"

    def __init__(self, message: str, *, holder: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.holder = holder


class NotRunning(MailProxyError):
    """Nothing answers where the daemon should."""

    code = "not_running"


class StoreError(MailProxyError):
    """The database failed."""

    code = "store"


class StoreUnavailable(StoreError):
    """The database cannot be reached or is locked; try again later (HTTP 503)."""

    code = "unavailable"


class StoreFull(StoreError):
    """No room on the disk (HTTP 507)."""

    code = "full"


class ForeignDatabase(StoreError):
    """The file is no database, or another program's; it is not touched."""

    code = "foreign_database"


class SecretsUnavailable(MailProxyError):
    """The encryption key is missing or is not the one the database was written with."""

    code = "secrets"


# --- the relay's fault ---


class RelayError(MailProxyError):
    """A mail server did not do what was asked."""

    code = "relay"

    def __init__(self, message: str, *, stage: Stage) -> None:
        super().__init__(message)
        self.stage = stage


class RelayRefused(RelayError):
    """The server answered with 4yz or 5yz."""

    def __init__(self, stage: Stage, reply: Reply) -> None:
        super().__init__(f"{stage.words}: {reply}", stage=stage)
        self.reply = reply


class RelayUnreachable(RelayError):
    """No connection, a lost one, a timeout, no TLS, or answers that are not SMTP."""

    def __init__(self, stage: Stage, why: str) -> None:
        super().__init__(f"{stage.words}: {why}", stage=stage)
        self.why = why


# --- the content of a mail ---


class AttachmentFailed(MailProxyError):
    """An attachment cannot be had; `is_permanent`: nor will it be when it is asked for again.

    is_ours: this machine had no room for it, so its message loses no try.
    """

    code = "attachment"

    def __init__(self, message: str, *, is_permanent: bool, is_ours: bool = False) -> None:
        super().__init__(message)
        self.is_permanent = is_permanent
        self.is_ours = is_ours


class ContentChanged(MailProxyError):
    """A file is not what it was when it was fetched: nothing of it may be sent."""

    code = "attachment"


class RejectedBatch(Invalid):
    """No message of a batch was taken (HTTP 400, the list inside `detail`).

    rejected: `id`, `reason` and often `field` of each.
    """

    code = "rejected"

    def __init__(self, error: str | None, rejected: Sequence[dict[str, object]] | None) -> None:
        listed = None if rejected is None else list(rejected)
        super().__init__(
            error or "no message of this batch was accepted",
            detail={"error": error, "rejected": listed},
        )
        self.rejected = listed or []
