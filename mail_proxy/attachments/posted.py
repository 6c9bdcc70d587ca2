"""Content that was posted with its message, as base64."""

from __future__ import annotations

import hashlib

from mail_proxy.attachments.failures import FetchFailed
from mail_proxy.domain.attachment import Attachment
from mail_proxy.domain.base64_text import NotBase64, decode_base64
from mail_proxy.domain.content import BytesContent


def posted_content(attachment: Attachment) -> BytesContent:
    """Raises FetchFailed: the same octets would come with each try."""
    data = _decoded(attachment.location)
    md5 = attachment.content_md5
    if md5 is not None and hashlib.md5(data, usedforsecurity=False).hexdigest() != md5:
        raise FetchFailed("it does not have its content_md5", is_permanent=True)
    return BytesContent(data)


def _decoded(text: str) -> bytes:
    try:
        return decode_base64(text)
    except NotBase64 as error:
        raise FetchFailed(f"Invalid base64 content: {error}", is_permanent=True) from None
