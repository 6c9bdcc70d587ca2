"""What a record tells of the attachments: everything but the contents and the credentials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mail_proxy.domain.attachment import Mode, read_attachments
from mail_proxy.domain.base64_text import NotBase64, base64_blocks
from mail_proxy.domain.errors import Invalid
from mail_proxy.secrets import MASK, mask
from mail_proxy.wire.answers import without_nulls


def shown_attachments(stored: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """In their order, as they lie in the row."""
    return [_shown(entry) for entry in stored]


def _shown(stored: Mapping[str, Any]) -> dict[str, Any]:
    has_auth = stored.get("auth") is not None
    try:
        (one,) = read_attachments([stored])
    except Invalid:  # somebody else wrote this row: what it says may be anything
        return {"filename": str(stored.get("filename"))}
    is_posted = one.mode is Mode.BASE64
    path = None if is_posted else mask({"url": stored["storage_path"]})["url"]
    size_bytes = one.spooled.size_bytes if one.spooled else None
    if is_posted and one.spooled is None:
        size_bytes = _size_of(one.location)
    return without_nulls(
        {
            "filename": one.filename,
            "fetch_mode": one.mode.value,
            "storage_path": path,
            "mime_type": one.mime_type,
            "content_id": one.content_id,
            "content_md5": one.content_md5,
            "size_bytes": size_bytes,
            "auth": MASK if has_auth else None,
        }
    )


def _size_of(text: str) -> int | None:
    try:
        return sum(map(len, base64_blocks(text)))
    except NotBase64:
        return None
