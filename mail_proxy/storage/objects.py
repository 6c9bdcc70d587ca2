"""What is needed of a place for files, and what an upload promises to it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event
from typing import Protocol

from mail_proxy.domain.content import Content
from mail_proxy.domain.errors import ContentChanged
from mail_proxy.storage.errors import StorageFailed


@dataclass(frozen=True, slots=True)
class Digest:
    """Of the octets of a file; hex."""

    size_bytes: int
    sha256: str
    md5: str  # the clouds tell this one


@dataclass(frozen=True, slots=True)
class Shown:
    """How a browser that fetches a file is to take it."""

    disposition: str
    mime_type: str


class Objects(Protocol):
    """A place under one `storage_url`. Every verb blocks, so it is called in a thread.

    All raise StorageFailed.
    """

    def write(self, key: str, blocks: Iterator[bytes], mime_type: str) -> None:
        """In place of what was there. What `blocks` raises leaves nothing, or a part of it."""
        ...

    def check(self, key: str, digest: Digest) -> None:
        """Raises NotStored unless it is there with that size, and that hash where it is told."""
        ...

    def link(self, key: str, shown: Shown, *, expires_s: int) -> str:
        """A URL with which anybody can fetch it for so long."""
        ...

    def remove(self, key: str) -> None:
        """Nothing is left of it; nor is it an error where nothing was."""
        ...


def digest_of(content: Content, stop: Event) -> Digest:
    """Reads it all; raises ContentChanged, OSError, StorageFailed when told to stop."""
    sha256, md5, size = hashlib.sha256(), _md5(), 0
    for block in content.blocks():
        _go_on(stop)
        sha256.update(block)
        md5.update(block)
        size += len(block)
    return Digest(size, sha256.hexdigest(), md5.hexdigest())


def promised(content: Content, digest: Digest, stop: Event) -> Iterator[bytes]:
    """Its blocks; raises ContentChanged at the end where it is not what the digest was made of."""
    sha256 = hashlib.sha256()
    for block in content.blocks():
        _go_on(stop)
        sha256.update(block)
        yield block
    if sha256.hexdigest() != digest.sha256:
        raise ContentChanged("a file changed while it was being uploaded")


def _md5() -> hashlib._Hash:
    return hashlib.md5(usedforsecurity=False)  # a check of what was sent, guards nothing


def _go_on(stop: Event) -> None:
    if stop.is_set():
        raise StorageFailed("the upload was given up")
