"""One file, from its octets to a link that is good: nothing of it is believed before it is seen."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Any

from mail_proxy.domain.clock import Clock
from mail_proxy.domain.content import Content
from mail_proxy.domain.large_files import (
    DAY_S,
    SIGNED_AT_MOST_S,
    LargeFilePolicy,
    Protocol,
    disposition,
    expires_at,
    read_place,
    safe_name,
)
from mail_proxy.domain.links import Link
from mail_proxy.domain.media_types import guessed_type
from mail_proxy.domain.stored_file import FileState, StoredFile
from mail_proxy.storage.backends import Backends
from mail_proxy.storage.downloads import Downloads
from mail_proxy.storage.errors import NotStored, StorageFailed
from mail_proxy.storage.objects import Digest, Objects, Shown, digest_of, promised
from mail_proxy.storage.records import Records

LOOK_AGAIN_S = DAY_S  # at an upload that was begun: whether its message still lives


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to be stored. message_pk, position: as in StoredFile."""

    tenant_id: str
    policy: LargeFilePolicy
    auth: Mapping[str, Any] | None
    name: str
    mime_type: str | None
    content: Content
    message_pk: int | None = None
    position: int | None = None

    @property
    def location(self) -> str:
        if not self.policy.storage_url:
            raise StorageFailed("large_file_config has no storage_url")
        return self.policy.storage_url


class Uploads:
    """All of its verbs raise StorageFailed, ContentChanged, ConfigurationError,
    SecretsUnavailable, StoreError and OSError."""

    def __init__(
        self, records: Records, backends: Backends, downloads: Downloads, clock: Clock
    ) -> None:
        self._records = records
        self._backends = backends
        self._downloads = downloads
        self._clock = clock

    async def stored(self, wanted: Wanted) -> StoredFile:
        """The file, READY; its time is as long as that of the links that `link` makes now.

        What was uploaded for the same attachment before is used again when it is still whole.
        """
        look = partial(digest_of, wanted.content)
        digest = await self._backends.run_stoppable(wanted.tenant_id, look)
        for known in await self._known(wanted, digest):
            await self._make_whole(wanted, known, digest)
            if await self._ready(wanted, known):
                return known
        file = self._new(wanted, digest)
        if not await self._records.add_stored_file(file):
            raise StorageFailed("its tenant is deleted")
        await self._upload(wanted, file, digest)
        if not await self._ready(wanted, file):
            raise StorageFailed("it was removed while it was uploaded")
        return file

    async def link(self, wanted: Wanted, file: StoredFile) -> Link:
        """A new link to a READY file."""
        policy, until = wanted.policy, self._until(wanted)
        if policy.public_base_url:
            url = await self._downloads.link(policy.public_base_url, file, until)
        else:
            shown = Shown(disposition(file.filename), file.mime_type)
            seconds = int(until - self._clock.now())

            def made() -> str:
                return self._open(wanted).link(file.key, shown, expires_s=seconds)

            url = await self._backends.run(wanted.tenant_id, made)
        return Link(file.filename, file.size_bytes, url, until)

    def _until(self, wanted: Wanted) -> float:
        """When the links that are made now end."""
        now = self._clock.now()
        until = expires_at(now, wanted.policy.ttl_s)
        has_own_links = wanted.policy.public_base_url is not None
        protocol = read_place(wanted.location).protocol
        if has_own_links or protocol not in (Protocol.S3, Protocol.GS):
            return until
        return min(until, float(int(now + SIGNED_AT_MOST_S)))

    async def _known(self, wanted: Wanted, digest: Digest) -> list[StoredFile]:
        if wanted.message_pk is None:
            return []
        files = await self._records.stored_files_of(wanted.tenant_id, wanted.message_pk)
        return [
            file
            for file in files
            if file.position == wanted.position
            and file.sha256 == digest.sha256
            and file.location == wanted.location
            and file.filename == wanted.name
            and file.state is not FileState.REMOVING
        ]

    async def _make_whole(self, wanted: Wanted, file: StoredFile, digest: Digest) -> None:
        """What was only begun, or is there no more, is uploaded anew."""
        if file.state is FileState.READY:
            try:
                await self._backends.run(
                    wanted.tenant_id, lambda: self._open(wanted).check(file.key, digest)
                )
            except NotStored:
                pass
            else:
                return
        await self._upload(wanted, file, digest)

    async def _upload(self, wanted: Wanted, file: StoredFile, digest: Digest) -> None:
        def upload(stop: Event) -> None:
            objects = self._open(wanted)
            objects.write(file.key, promised(wanted.content, digest, stop), file.mime_type)
            objects.check(file.key, digest)

        await self._backends.run_stoppable(wanted.tenant_id, upload)

    async def _ready(self, wanted: Wanted, file: StoredFile) -> bool:
        return await self._records.file_ready(file, expires_at=self._until(wanted))

    def _open(self, wanted: Wanted) -> Objects:
        return self._backends.open(wanted.location, wanted.auth)

    def _new(self, wanted: Wanted, digest: Digest) -> StoredFile:
        file_id = os.urandom(16).hex()
        now = self._clock.now()
        return StoredFile(
            tenant_id=wanted.tenant_id,
            file_id=file_id,
            filename=wanted.name,
            mime_type=wanted.mime_type or guessed_type(wanted.name),
            size_bytes=digest.size_bytes,
            sha256=digest.sha256,
            location=wanted.location,
            key=f"{wanted.tenant_id}/{file_id}/{safe_name(wanted.name)}",
            state=FileState.UPLOADING,
            created_at=now,
            expires_at=now + LOOK_AGAIN_S,
            message_pk=wanted.message_pk,
            position=wanted.position,
        )
