"""What a person does with messages: by ids, by a filter, by a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from mail_proxy.domain.state import Event
from mail_proxy.store import acting, copying, moving
from mail_proxy.store.acting import Act
from mail_proxy.store.schema import WHOLE_TENANT
from mail_proxy.store.sqlite.accept import AcceptRequest
from mail_proxy.store.values.changes import Acted, Copy, KeepCopies
from mail_proxy.store.values.intake import NO_LIMITS, Accepted, NewMessage
from mail_proxy.store.values.messages import MessageFilter
from mail_proxy.store.verbs.part import Part, chunks

CHANGES_AT_ONCE = 200  # in one transaction, with an event for each: 5 to 15 ms
COPIES_AT_ONCE = 25


class ChangeVerbs(Part):
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
        acted: list[Acted] = []
        for some in chunks(ids, CHANGES_AT_ONCE):
            if is_trial:
                acted += await self._readers.read(acting.judge, tenant_id, some, act, among)
            else:
                acted += await self._write(acting.change, tenant_id, some, act, among)
        return acted

    async def copy_messages(
        self,
        tenant_id: str,
        copies: Sequence[Copy],
        act: Act,
        *,
        max_queued: Mapping[str, int] = NO_LIMITS,
        keep: KeepCopies | None = None,
    ) -> list[Acted]:
        def take(conn: Connection, message: NewMessage) -> Accepted:
            request = AcceptRequest([message], act.now, max_queued=max_queued)
            ((accepted,),) = self._accept(conn, [request])
            return accepted

        acted: list[Acted] = []
        so_far = keep and (lambda more: keep([*acted, *more]))
        for some in chunks(copies, COPIES_AT_ONCE):
            acted += await self._write(copying.copy_messages, tenant_id, some, act, take, so_far)
        return acted

    async def suspend(self, tenant_id: str, batch_code: str | None, *, now: float) -> None:
        await self._write(moving.add_suspension, tenant_id, batch_code, now=now)
        await self._move(tenant_id, batch_code, Event.SUSPEND, now)

    async def activate(self, tenant_id: str, batch_code: str | None, *, now: float) -> bool:
        if not await self._write(moving.remove_suspension, tenant_id, batch_code):
            return False
        await self._move(tenant_id, batch_code, Event.ACTIVATE, now)
        return True

    async def _move(self, tenant_id: str, batch_code: str | None, event: Event, now: float) -> None:
        batch = None if batch_code == WHOLE_TENANT else batch_code
        last = 0
        while pks := await self._readers.read(
            moving.rows_to_move, tenant_id, batch, event, after=last
        ):
            await self._write(moving.move, tenant_id, pks, event, now=now)
            last = pks[-1]

    async def suspended_batches(self, tenant_id: str) -> list[str]:
        return await self._readers.read(moving.suspended_batches, tenant_id)
