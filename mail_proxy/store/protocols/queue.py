"""The hot verbs of every mail, and the leases of those that are claimed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from mail_proxy.domain.message import LOWEST_PRIORITY
from mail_proxy.store.values.intake import NO_LIMITS, Accepted, Keep, KeptAnswer, NewMessage
from mail_proxy.store.values.leases import Daemon, Lease, Peer
from mail_proxy.store.values.queue import Claim, Outcome, ReadyAccount


class QueueStore(Protocol):
    """The hot verbs of every mail, and the leases of those that are claimed."""

    async def accept(
        self,
        batch: Sequence[NewMessage],
        *,
        now: float,
        keep: Keep | None = None,
        max_queued: Mapping[str, int] = NO_LIMITS,
    ) -> list[Accepted]:
        """Store a batch, synced when this returns; one Accepted for each, in order.

        keep: what is kept of the answer, in the same transaction; in a process one post of a key
        at a time. max_queued: how many messages may wait, of tenants that have such a limit. Where
        the new ones of a batch would be more, none of that tenant is stored.

        The same id twice in one batch: the last wins, the earlier ones report the same pk.
        A message of a suspended tenant or batch is stored SUSPENDED.
        """
        ...

    async def find_answer(self, tenant_id: str, key: str, *, since: float) -> KeptAnswer | None:
        """What was kept at `since` or later."""
        ...

    async def keep_answer(self, kept: KeptAnswer) -> None:
        """In place of what was kept for its key, if anything was."""
        ...

    async def forget_answers(self, *, before: float, limit: int) -> int:
        """Remove up to `limit` of those kept before that time."""
        ...

    async def claim(
        self,
        tenant_id: str,
        account_id: str,
        *,
        limit: int,
        now: float,
        daemon: str,
        lower: int = 0,
        lowest: int = LOWEST_PRIORITY,
        renewal: Daemon | None = None,
    ) -> Claim:
        """Lease up to `limit` due messages, by priority, then due_at, then arrival.

        lower: so many of them go to the oldest of lower priorities than the first one's.
        lowest: the number of the last priority that is wanted.
        No more than the limits of account and tenant leave room for, whoever else claims.
        renewal: the same daemon, when its lease is to be renewed in the same commit.
        """
        ...

    async def content(self, tenant_id: str, pk: int) -> bytes:
        """The content of a message; empty where there is none."""
        ...

    async def attachment_auth(self, tenant_id: str, pk: int) -> dict[int, dict[str, Any]]:
        """What the attachments of a message brought as `auth`, by their places in its list.

        Raises SecretsUnavailable.
        """
        ...

    async def finish(self, outcomes: Sequence[Outcome], *, now: float) -> set[int]:
        """Write results of rows still under our lease; the pks that were ours."""
        ...

    async def ready_accounts(self) -> list[ReadyAccount]:
        """Every account with WAITING messages; a few index probes for each account."""
        ...

    async def renew(self, daemon: Daemon) -> None:
        """The daemon lives: its counter moves; its row is made where there is none."""
        ...

    async def forget_daemons(self, daemon_id: str | None) -> None:
        """It has ended, and holds nothing; None: all of them."""
        ...

    async def peers(self, daemon_id: str) -> list[Peer]:
        """The other daemons that hold leases."""
        ...

    async def leases(
        self,
        daemon_id: str | None,
        *,
        after: tuple[str, str, int] | None = None,
        limit: int = 500,
    ) -> list[Lease]:
        """Of one daemon or of all, by daemon, tenant, pk; `after` is such a key."""
        ...
