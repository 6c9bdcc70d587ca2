"""What is posted, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

NO_LIMITS: Mapping[str, int] = MappingProxyType({})  # tenant -> messages that may wait


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A checked message, ready to be stored.

    content: the JSON that `compose/` reads. spool: the file with what it leaves out.
    spooled_bytes: of that file, as far as it is this message's.
    attachment_auth: JSON of {place of the attachment: its own credentials}, in clear.
    """

    tenant_id: str
    id: str
    account_id: str
    priority: int
    due_at: float
    deferred_ts: int | None
    batch_code: str | None
    sender: str
    subject: str
    return_path: str
    rfc_message_id: str
    recipients: tuple[str, ...]
    content: bytes
    created_at: float
    expires_at: float | None = None
    # (position, why) of recipients that are refused at once; never all of them.
    suppressed: tuple[tuple[int, str], ...] = ()
    request_id: str | None = None
    spool: str | None = None
    spooled_bytes: int = 0
    attachment_auth: str | None = field(default=None, repr=False)

    @property
    def size_bytes(self) -> int:
        return len(self.content) + self.spooled_bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    """`reason` empty: stored under `pk` (`replaced`: it took the place of a waiting one).

    Else nothing was stored, and `reason` is `already sent`, `account not found for tenant` or
    `queue full`.
    """

    pk: int
    replaced: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """The first answer to a post with an `Idempotency-Key`.

    tenant_id: whose key it is; empty for the admin's. response: JSON.
    """

    tenant_id: str
    key: str
    body_sha256: str
    response: str
    created_at: float


# What is kept for these verdicts, None for nothing. Called inside the transaction that stores the
# messages, in the writer's thread, more than once where that has to be begun again.
Keep = Callable[[Sequence[Accepted]], KeptAnswer | None]
