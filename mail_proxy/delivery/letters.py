"""What a claimed message's mail is made of, brought to this machine before it is begun."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mail_proxy.domain.content import Content
from mail_proxy.store import Claimed


@dataclass(frozen=True, slots=True)
class Letter:
    """fields: as accepted, or with links in place of what was too large.

    contents: of each attachment of `fields`, in order.
    raw: the whole mail where it lies in the spool.
    close: lets go of what was fetched; to be called once, when the message is not sent any more.
    """

    fields: Mapping[str, Any]
    contents: Sequence[Content]
    raw: Content | None
    close: Callable[[], None]


class Letters(Protocol):
    async def letter(self, message: Claimed, payload: bytes) -> Letter:
        """Fetch what is needed. payload: the message's content as it is stored.

        Raises AttachmentFailed, SecretsUnavailable, and StoreError for what cannot be read now.
        Cancelled, nothing is held.
        """
        ...


def needs_letter(payload: bytes) -> bool:
    """There are attachments, or a part of it lies in the spool; in a rare case there are none.

    Keys of JSON stand between quotes that no text can hold, so nothing has to be parsed.
    """
    return b'"attachments":' in payload or b'"spool":' in payload
