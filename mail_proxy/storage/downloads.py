"""Links of our own to stored files: made for mails, and answered when somebody follows one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import Forbidden, NotFound, StoreError
from mail_proxy.domain.large_files import (
    LargeFilePolicy,
    Place,
    disposition,
    read_place,
    safe_name,
)
from mail_proxy.domain.stored_file import FileState, StoredFile
from mail_proxy.observe import events
from mail_proxy.storage.backends import Backends
from mail_proxy.storage.errors import NotStored
from mail_proxy.storage.objects import Shown
from mail_proxy.storage.records import Records
from mail_proxy.storage.tokens import DownloadKey

SHORTEST_LIFESPAN_S = 3600.0  # after the first download: one that was cut off may be gone on with
REDIRECT_S = 300  # how long a link to a cloud is good that one of ours leads to

# The same for all: nobody learns which part of a guess was right.
_REFUSED = "this link is not valid, or its time is over"
_GONE = "the file of this link is gone"


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """What a good link leads to: either a file of this machine, or another address.

    open: a descriptor of the file, the caller's to close; it blocks, and raises NotFound.
    begun: to be awaited once the first octet is on its way.
    """

    disposition: str
    mime_type: str
    size_bytes: int
    sha256: str
    created_at: float
    open: Callable[[], int]
    begun: Callable[[], Awaitable[None]]
    redirect_to: str | None = None


class Downloads:
    """Of one instance."""

    def __init__(self, records: Records, backends: Backends, clock: Clock) -> None:
        self._records = records
        self._backends = backends
        self._clock = clock
        self._key = DownloadKey(records)

    async def link(self, base_url: str, file: StoredFile, expires_at: float) -> str:
        """An address below `base_url`. Raises SecretsUnavailable, StoreError."""
        name = safe_name(file.filename)
        token = await self._key.token(file.file_id, expires_at, name)
        return f"{base_url.rstrip('/')}/download/{token}/{name}"

    async def offered(self, token: str, name: str) -> OfferedFile:
        """Raises Forbidden for a link that is not ours or has expired, NotFound for a file that is
        gone, StorageFailed, SecretsUnavailable, StoreError."""
        claimed = await self._key.read(token, name)
        now = self._clock.now()
        if claimed is None or claimed.expires_at <= now:
            raise Forbidden(_REFUSED)
        file = await self._records.find_stored_file(claimed.file_id)
        if file is None or file.state is not FileState.READY or file.expires_at <= now:
            raise NotFound(_GONE)
        place = read_place(file.location)
        if place.is_local:
            return self._offer(file, place, None)
        return self._offer(file, place, await self._elsewhere(file))

    async def _elsewhere(self, file: StoredFile) -> str:
        """A fresh link of the cloud's own."""
        tenant = await self._records.get_tenant(file.tenant_id)
        auth = None if tenant is None else tenant.storage_auth
        shown = Shown(disposition(file.filename), file.mime_type)

        def made() -> str:
            objects = self._backends.open(file.location, auth)
            return objects.link(file.key, shown, expires_s=REDIRECT_S)

        return await self._backends.run(file.tenant_id, made)

    def _offer(self, file: StoredFile, place: Place, redirect_to: str | None) -> OfferedFile:
        return OfferedFile(
            disposition=disposition(file.filename),
            mime_type=file.mime_type,
            size_bytes=file.size_bytes,
            sha256=file.sha256,
            created_at=file.created_at,
            open=partial(_opened, self._backends, place, file.key),
            begun=partial(self._begun, file),
            redirect_to=redirect_to,
        )

    async def _begun(self, file: StoredFile) -> None:
        """The first time is noted, and may end the file's; never at the cost of the download."""
        if file.downloaded_at is not None:
            return
        try:
            await self._note(file)
        except StoreError as error:
            events.store_trouble(where="a download", error=error)

    async def _note(self, file: StoredFile) -> None:
        tenant = await self._records.get_tenant(file.tenant_id)
        policy = LargeFilePolicy.of(None if tenant is None else tenant.large_file_config)
        now = self._clock.now()
        lifespan_s = policy.lifespan_s
        ends_at = None if lifespan_s is None else now + max(lifespan_s, SHORTEST_LIFESPAN_S)
        await self._records.note_download(file, now=now, expires_at=ends_at)


def _opened(backends: Backends, place: Place, key: str) -> int:
    try:
        return backends.local(place).open(key)
    except NotStored as error:
        raise NotFound(_GONE) from error
