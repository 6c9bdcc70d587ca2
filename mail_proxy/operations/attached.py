"""The attachments of a posted message: what stands of them in its row, and what goes beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mail_proxy.domain.attachment import (
    BASE64_PREFIX,
    SEALED_AUTH,
    Attachment,
    Mode,
    read_attachments,
)
from mail_proxy.domain.base64_text import NotBase64, base64_blocks
from mail_proxy.domain.errors import Invalid

SPOOL_OVER_BYTES = 64 * 1024  # of posted contents in all
SPOOL_RAW_OVER_CHARS = 128 * 1024 * 4 // 3  # of a whole mail in base64


@dataclass(frozen=True, slots=True)
class Posted:
    """One content that was posted as base64. place: of the attachment in its list."""

    place: int
    text: str = field(repr=False)
    content_md5: str | None

    @property
    def size_bytes(self) -> int:
        """About so many: padding and white space count too."""
        return len(self.text) * 3 // 4

    def blocks(self) -> Iterator[bytes]:
        """Its octets. Raises Invalid, perhaps at the end."""
        where = f"attachments[{self.place}]"
        md5 = hashlib.md5(usedforsecurity=False)
        start = len(BASE64_PREFIX) if self.text.startswith(BASE64_PREFIX) else 0
        try:
            for block in base64_blocks(self.text, start):
                if self.content_md5:
                    md5.update(block)
                yield block
        except NotBase64 as error:
            raise Invalid(
                f"Invalid base64 content: {error}", field=f"{where}.storage_path"
            ) from None
        if self.content_md5 and md5.hexdigest() != self.content_md5:
            raise Invalid(
                f"{where}.content_md5 is not that of the content", field=f"{where}.content_md5"
            )


@dataclass(frozen=True, slots=True)
class Attached:
    """entries: as they are stored, without the `contents` that are to be spooled.

    auth: JSON of {place: credentials}; None where no attachment brings any.
    """

    entries: list[dict[str, Any]]
    contents: tuple[Posted, ...]
    auth: str | None = field(repr=False)


def attached(given: Sequence[Mapping[str, Any]]) -> Attached:
    """Raises Invalid with the field that is wrong, for a large content later."""
    checked = read_attachments(given, is_posted=True)
    contents = tuple(_contents(given, checked))
    if sum(content.size_bytes for content in contents) <= SPOOL_OVER_BYTES:
        for content in contents:
            for _ in content.blocks():
                pass
        contents = ()
    entries = [{k: v for k, v in entry.items() if v is not None} for entry in given]
    for content in contents:
        entries[content.place]["fetch_mode"] = Mode.BASE64.value
        del entries[content.place]["storage_path"]
    auth: dict[int, Mapping[str, Any]] = {}
    for place, one in enumerate(checked):
        if one.mode is Mode.BASE64:  # nobody has to be asked for it
            entries[place].pop("auth", None)
        elif one.auth is not None:
            auth[place] = one.auth
            entries[place]["auth"] = SEALED_AUTH
    return Attached(entries, contents, json.dumps(auth) if auth else None)


def _contents(
    given: Sequence[Mapping[str, Any]], checked: Sequence[Attachment]
) -> Iterator[Posted]:
    for place, (entry, one) in enumerate(zip(given, checked, strict=True)):
        if one.mode is Mode.BASE64:
            yield Posted(place, entry["storage_path"], one.content_md5)
