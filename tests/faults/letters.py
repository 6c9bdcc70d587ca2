"""What an application attaches, and what a reader finds in the mail."""

from __future__ import annotations

import hashlib
import random
from base64 import b64encode
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default


def octets(size_bytes: int, seed: int = 1) -> bytes:
    """The same each time; no compression makes them smaller."""
    return random.Random(seed).randbytes(size_bytes)


def md5_of(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def posted(filename: str, data: bytes, **more: str) -> dict[str, str]:
    """An attachment that is posted with its message."""
    path = b64encode(data).decode()
    return {"filename": filename, "fetch_mode": "base64", "storage_path": path, **more}


def file_of(filename: str, path: str, **more: object) -> dict[str, object]:
    """An attachment that is fetched."""
    return {"filename": filename, "storage_path": path, **more}


def read(data: bytes) -> EmailMessage:
    """As a mail program does; it finds nothing wrong."""
    message = message_from_bytes(data, policy=default)
    assert not [part.defects for part in message.walk() if part.defects]
    assert isinstance(message, EmailMessage)
    return message


def attached(data: bytes) -> list[tuple[str, bytes]]:
    """Names and contents of what is attached, in order."""
    parts = read(data).iter_attachments()
    return [(str(part.get_filename()), _content(part)) for part in parts]


def digests(data: bytes) -> list[str]:
    """The SHA-256 of what is attached, in order."""
    return [sha256_of(content) for _, content in attached(data)]


def _content(part: EmailMessage) -> bytes:
    found = part.get_payload(decode=True)
    assert isinstance(found, bytes)
    return found
