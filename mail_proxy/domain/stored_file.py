"""A file that is kept outside of the mail that has a link to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto


class FileState(StrEnum):
    UPLOADING = auto()  # meant to be there; perhaps it is, perhaps a part of it
    READY = auto()  # whole and checked: a mail may have its link
    REMOVING = auto()  # its object goes, and then the row


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One row of `stored_files`, written before the first octet leaves and gone after the object.

    file_id: 32 hex digits by chance, a part of `key` and of our own links.
    location: the `storage_url` that it was stored under. key: the rest of its name there.
    message_pk, position: the attachment that it was; a retry finds it by them and its `sha256`.
    expires_at: UPLOADING: when to look whether its message still lives. READY: no link to it is
        good for longer. REMOVING: when to try it again.
    downloaded_at: of the first time, through the daemon.
    dropped_as: its tenant is deleted, and this setting of the instance has the credentials.
    """

    tenant_id: str
    file_id: str
    filename: str
    mime_type: str
    size_bytes: int
    sha256: str
    location: str
    key: str
    state: FileState
    created_at: float
    expires_at: float
    message_pk: int | None = None
    position: int | None = None
    downloaded_at: float | None = None
    dropped_as: str | None = None
