"""What the clock does with messages, their files, and the space that they took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mail_proxy.store.values.changes import Ending
from mail_proxy.store.values.messages import MessageRow


class UpkeepStore(Protocol):
    """What the clock does with messages, their files, and the space that they took."""

    async def set_back(self, seconds: float, *, now: float) -> None:
        """The clock was set back: what is due after `now` is due so much earlier.

        Not what the caller has scheduled: that time is the world's, not our clock's.
        """
        ...

    async def expired(self, *, now: float, limit: int) -> list[MessageRow]:
        """Messages that wait or are suspended, and whose `expires_at` has come."""
        ...

    async def overdue(
        self, tenant_id: str, account_id: str, *, before: float, limit: int
    ) -> list[MessageRow]:
        """Waiting messages of an account that have been due since before `before`."""
        ...

    async def end_messages(self, endings: Sequence[Ending], *, now: float) -> set[int]:
        """End them without an attempt; the pks of those that were still as they had been read."""
        ...

    async def cleanup_messages(
        self, tenant_id: str | None, *, before: float, limit: int | None = None
    ) -> int:
        """Remove messages that had finished, and whose events were all settled, before.

        In small transactions; up to `limit`, all of them for None.
        """
        ...

    async def cleanup_commands(self, *, before: float, limit: int | None = None) -> int:
        """Remove what the command log has from before, up to `limit`; how many lines."""
        ...

    async def spooled(self, names: Sequence[str]) -> set[str]:
        """Those of these files that a message has."""
        ...

    async def spool_garbage(self, *, limit: int) -> list[str]:
        """Files whose messages are gone; they stay on the list until they are forgotten."""
        ...

    async def forget_spool_garbage(self, names: Sequence[str]) -> None: ...

    async def free_pages(self) -> tuple[int, int]:
        """Pages of the file that hold nothing, and all of them; (0, 0) where there is no file."""
        ...

    async def shrink(self, pages: int) -> None:
        """Give up to so many free pages back to the disk."""
        ...
