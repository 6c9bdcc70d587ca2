"""Files that mails have links to."""

from __future__ import annotations

from typing import Protocol

from mail_proxy.domain.stored_file import StoredFile


class FileStore(Protocol):
    """Files that mails have links to."""

    async def add_stored_file(self, file: StoredFile) -> bool:
        """False: no such tenant."""
        ...

    async def stored_files_of(self, tenant_id: str, message_pk: int) -> list[StoredFile]:
        """Of one message, oldest first."""
        ...

    async def find_stored_file(self, file_id: str) -> StoredFile | None: ...

    async def file_ready(self, file: StoredFile, *, expires_at: float) -> bool:
        """It is whole, and has links that are good until then. False: it is being removed."""
        ...

    async def note_download(
        self, file: StoredFile, *, now: float, expires_at: float | None
    ) -> None:
        """The first one; it may end the file's time sooner."""
        ...

    async def expired_files(self, *, now: float, limit: int) -> list[StoredFile]:
        """Those whose time has come, the first first."""
        ...

    async def end_file(self, file: StoredFile, *, now: float) -> None:
        """No mail has a link to it, and its time is over."""
        ...

    async def begin_removal(self, file: StoredFile, *, now: float) -> bool:
        """From now on no mail gets a link to it. False: it has more time by now, or is still being
        uploaded for a message that lives."""
        ...

    async def postpone_file(self, file: StoredFile, *, now: float, at: float) -> None:
        """Look at one whose time has come again then."""
        ...

    async def forget_file(self, file: StoredFile) -> None:
        """The object of one that is being removed is gone."""
        ...

    async def forget_dropped(self, dropped_as: str) -> None:
        """Remove these credentials of a deleted tenant, unless files wait to be removed."""
        ...
