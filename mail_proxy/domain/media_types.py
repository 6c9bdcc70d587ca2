"""Which media type an attachment is sent as: given, or known by the end of its name."""

from __future__ import annotations

from mimetypes import MimeTypes
from pathlib import PurePosixPath

from mail_proxy.domain.attachment import Attachment

ANY = "application/octet-stream"

# Wrapped types: a part of these may not be in base64 (RFC 2046 sections 5.1 and 5.2), and a mail
# sent in 7bit as a part would have to be read and changed first. So they go as files, which arrive
# octet for octet; readers open a mail by the end of its name.
_NEVER_IN_BASE64 = ("message/", "multipart/")

_MS = "application/vnd.openxmlformats-officedocument"
_OASIS = "application/vnd.oasis.opendocument"
_MORE = {  # than Python knows of itself in 3.11, or other than it: compressed files are no texts
    ".7z": "application/x-7z-compressed",
    ".avif": "image/avif",
    ".br": "application/x-brotli",
    ".bz2": "application/x-bzip2",
    ".docx": f"{_MS}.wordprocessingml.document",
    ".gz": "application/gzip",
    ".heic": "image/heic",
    ".ics": "text/calendar",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".m4a": "audio/mp4",
    ".md": "text/markdown",
    ".odp": f"{_OASIS}.presentation",
    ".ods": f"{_OASIS}.spreadsheet",
    ".odt": f"{_OASIS}.text",
    ".p7m": "application/pkcs7-mime",
    ".p7s": "application/pkcs7-signature",
    ".pptx": f"{_MS}.presentationml.presentation",
    ".rar": "application/vnd.rar",
    ".rtf": "application/rtf",
    ".tgz": "application/gzip",
    ".webp": "image/webp",
    ".xlsx": f"{_MS}.spreadsheetml.sheet",
    ".xz": "application/x-xz",
    ".zst": "application/zstd",
}


def _known() -> dict[str, str]:
    """Python's own table, not the machine's: a mail is the same wherever it is put together."""
    others, standard = MimeTypes().types_map
    return {**others, **standard, **_MORE}


_KNOWN = _known()


def media_type(attachment: Attachment) -> str:
    """`type/subtype`, in lower case where it is guessed; never one that may not be in base64."""
    kind = attachment.mime_type or guessed_type(attachment.filename)
    return ANY if kind.lower().startswith(_NEVER_IN_BASE64) else kind


def guessed_type(filename: str) -> str:
    """By the end of the name; the same on every machine."""
    return _KNOWN.get(PurePosixPath(filename).suffix.lower(), ANY)
