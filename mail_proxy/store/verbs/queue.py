"""The hot verbs of every mail, and the leases of those that are claimed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from mail_proxy.domain.errors import StoreUnavailable
from mail_proxy.domain.message import LOWEST_PRIORITY
from mail_proxy.domain.state import Event
from mail_proxy.store import answers, attachment_auth, messages, numbers
from mail_proxy.store.sqlite import leases
from mail_proxy.store.sqlite.accept import AcceptRequest
from mail_proxy.store.sqlite.claim import ClaimRequest, claim
from mail_proxy.store.sqlite.finish import FinishRequest, finish
from mail_proxy.store.sqlite.leases import LeasesRequest
from mail_proxy.store.sqlite.renewals import renew
from mail_proxy.store.turn import Lane
from mail_proxy.store.values.intake import NO_LIMITS, Accepted, Keep, KeptAnswer, NewMessage
from mail_proxy.store.values.leases import Daemon, Lease, Peer
from mail_proxy.store.values.queue import Claim, Outcome, ReadyAccount
from mail_proxy.store.verbs.part import AT_ONCE, Part


class QueueVerbs(Part):
    """The hot verbs of every mail, and the leases of those that are claimed."""

    async def accept(
        self,
        batch: Sequence[NewMessage],
        *,
        now: float,
        keep: Keep | None = None,
        max_queued: Mapping[str, int] = NO_LIMITS,
    ) -> list[Accepted]:
        if not batch:
            return []
        request = AcceptRequest(batch, now, keep, max_queued)
        accepted: list[Accepted] = await self._writer.do(
            Lane.ACCEPT, self._accept, request, weight=request.weight
        )
        return accepted

    async def find_answer(self, tenant_id: str, key: str, *, since: float) -> KeptAnswer | None:
        return await self._readers.read(answers.find_answer, tenant_id, key, since=since)

    async def keep_answer(self, kept: KeptAnswer) -> None:
        await self._write(answers.keep_answer, kept)

    async def forget_answers(self, *, before: float, limit: int) -> int:
        return await self._write(answers.forget_answers, before=before, limit=limit)

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
        request = ClaimRequest(
            tenant_id,
            account_id,
            limit,
            now,
            daemon,
            self._steady.now(),
            lower,
            lowest,
            renewal,
        )
        claimed: Claim = await self._writer.do(
            Lane.CLAIM, claim, request, weight=limit, abandoned=self._release
        )
        return claimed

    async def content(self, tenant_id: str, pk: int) -> bytes:
        return await self._readers.read(messages.content, tenant_id, pk)

    async def attachment_auth(self, tenant_id: str, pk: int) -> dict[int, dict[str, Any]]:
        return await self._readers.read(
            attachment_auth.attachment_auth, tenant_id, pk, self._keyring
        )

    def _release(self, claimed: Claim) -> None:
        """Give back what was claimed for a caller that is gone."""
        outcomes = [
            Outcome(m.tenant_id, m.pk, m.lease_token, Event.RELEASE) for m in claimed.messages
        ]
        if outcomes:
            request = FinishRequest(outcomes, self._clock.now(), self._steady.now())
            with suppress(StoreUnavailable):  # closed meanwhile: the next start recovers them
                self._writer.put(Lane.FINISH, finish, request, weight=len(outcomes))

    async def finish(self, outcomes: Sequence[Outcome], *, now: float) -> set[int]:
        if not outcomes:
            return set()
        request = FinishRequest(outcomes, now, self._steady.now())
        ours: set[int] = await self._writer.do(Lane.FINISH, finish, request, weight=len(outcomes))
        return ours

    async def ready_accounts(self) -> list[ReadyAccount]:
        return await self._readers.read(numbers.ready_accounts)

    async def renew(self, daemon: Daemon) -> None:
        await self._writer.do(Lane.FINISH, renew, daemon, weight=1)

    async def forget_daemons(self, daemon_id: str | None) -> None:
        await self._write(leases.forget, daemon_id)

    async def peers(self, daemon_id: str) -> list[Peer]:
        return await self._write(leases.peers, daemon_id)

    async def leases(
        self,
        daemon_id: str | None,
        *,
        after: tuple[str, str, int] | None = None,
        limit: int = AT_ONCE,
    ) -> list[Lease]:
        request = LeasesRequest(daemon_id, after, limit)
        return await self._write(leases.leases, request)
