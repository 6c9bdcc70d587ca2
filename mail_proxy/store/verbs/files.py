"""Files that mails have links to."""

from __future__ import annotations

from mail_proxy.domain.stored_file import StoredFile
from mail_proxy.store import stored_files, tenants
from mail_proxy.store.verbs.part import Part


class FileVerbs(Part):
    """Files that mails have links to."""

    async def add_stored_file(self, file: StoredFile) -> bool:
        added = await self._write(
            tenants.for_tenant,
            file.tenant_id,
            lambda conn: stored_files.add_stored_file(conn, file),
        )
        return bool(added)

    async def stored_files_of(self, tenant_id: str, message_pk: int) -> list[StoredFile]:
        return await self._readers.read(stored_files.stored_files_of, tenant_id, message_pk)

    async def find_stored_file(self, file_id: str) -> StoredFile | None:
        return await self._readers.read(stored_files.find_stored_file, file_id)

    async def file_ready(self, file: StoredFile, *, expires_at: float) -> bool:
        key = (file.tenant_id, file.file_id)
        return await self._write(stored_files.file_ready, *key, expires_at=expires_at)

    async def note_download(
        self, file: StoredFile, *, now: float, expires_at: float | None
    ) -> None:
        key = (file.tenant_id, file.file_id)
        await self._write(stored_files.note_download, *key, now=now, expires_at=expires_at)

    async def expired_files(self, *, now: float, limit: int) -> list[StoredFile]:
        return await self._readers.read(stored_files.expired_files, now=now, limit=limit)

    async def end_file(self, file: StoredFile, *, now: float) -> None:
        await self._write(stored_files.end_file, file.tenant_id, file.file_id, now=now)

    async def begin_removal(self, file: StoredFile, *, now: float) -> bool:
        key = (file.tenant_id, file.file_id)
        return await self._write(stored_files.begin_removal, *key, now=now)

    async def postpone_file(self, file: StoredFile, *, now: float, at: float) -> None:
        key = (file.tenant_id, file.file_id)
        await self._write(stored_files.postpone_file, *key, now=now, at=at)

    async def forget_file(self, file: StoredFile) -> None:
        await self._write(stored_files.forget_file, file.tenant_id, file.file_id)

    async def forget_dropped(self, dropped_as: str) -> None:
        await self._write(stored_files.forget_dropped, dropped_as)
