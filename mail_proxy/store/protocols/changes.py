"""What a person does with messages: by ids, by a filter, by a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from mail_proxy.store.acting import Act
from mail_proxy.store.values.changes import Acted, Copy, KeepCopies
from mail_proxy.store.values.intake import NO_LIMITS
from mail_proxy.store.values.messages import MessageFilter


class ChangeStore(Protocol):
    """What a person does with messages: by ids, by a filter, by a batch."""

    async def change_messages(
        self,
        tenant_id: str,
        ids: Sequence[str],
        act: Act,
        *,
        among: MessageFilter | None = None,
        is_trial: bool = False,
    ) -> list[Acted]:
        """Hold, free, retry, settle or delete those for which it is possible, and tell of each.

        Absent ones are left out; `among`, by which they were found, those too whose state, tries
        or times do not match any more.
        is_trial: nothing is changed.
        """
        ...

    async def copy_messages(
        self,
        tenant_id: str,
        copies: Sequence[Copy],
        act: Act,
        *,
        max_queued: Mapping[str, int] = NO_LIMITS,
        keep: KeepCopies | None = None,
    ) -> list[Acted]:
        """Accept a new message of each old one that is finished; no id is ever taken over.

        In small transactions; each keeps what `keep` makes of all that was acted on so far.
        """
        ...

    async def suspend(self, tenant_id: str, batch_code: str | None, *, now: float) -> None: ...

    async def activate(self, tenant_id: str, batch_code: str | None, *, now: float) -> bool:
        """False: one batch cannot be activated while the whole tenant is suspended."""
        ...

    async def suspended_batches(self, tenant_id: str) -> list[str]:
        """Sorted codes; `["*"]` for the whole tenant."""
        ...
