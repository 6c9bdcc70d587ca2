"""`MailProxyDb`: the Store protocol, each verb handed to the writer or to a reader.

What a verb does stands in the module of its noun; here is only who runs it. It is long
because there are many verbs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from sqlalchemy import Connection

from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import StoreUnavailable
from mail_proxy.domain.filters import Order
from mail_proxy.domain.message import LOWEST_PRIORITY, PRIORITIES
from mail_proxy.domain.state import Event
from mail_proxy.domain.stored_file import StoredFile
from mail_proxy.secrets import Keyring
from mail_proxy.store import (
    acting,
    answers,
    attachment_auth,
    commands,
    copying,
    counted,
    ending,
    instance,
    messages,
    moving,
    numbers,
    ordering,
    removing,
    reports,
    resealing,
    searching,
    spool_names,
    stored_files,
    suppressions,
    tenants,
)
from mail_proxy.store.acting import Act
from mail_proxy.store.base import NO_LIMITS
from mail_proxy.store.commands import CommandRow
from mail_proxy.store.readers import READERS, Readers
from mail_proxy.store.schema import WHOLE_TENANT
from mail_proxy.store.sqlite import leases, shrinking
from mail_proxy.store.sqlite.accept import AcceptRequest, accept
from mail_proxy.store.sqlite.claim import ClaimRequest, claim
from mail_proxy.store.sqlite.finish import FinishRequest, finish
from mail_proxy.store.sqlite.leases import LeasesRequest
from mail_proxy.store.sqlite.renewals import renew
from mail_proxy.store.sqlite.reports import count_report_try, mark_reported, unreported
from mail_proxy.store.steady import Steady
from mail_proxy.store.turn import Lane
from mail_proxy.store.values import (
    Accepted,
    Account,
    AccountUse,
    Acted,
    ApiKey,
    Claim,
    Copy,
    Count,
    Daemon,
    Ending,
    EventRow,
    Fields,
    Found,
    Keep,
    KeepCopies,
    KeptAnswer,
    Key,
    Lease,
    MessageFilter,
    MessageRow,
    NewMessage,
    Outcome,
    Peer,
    Place,
    Position,
    ReadyAccount,
    ReportCounts,
    Standing,
    SyncState,
    Tenant,
)
from mail_proxy.store.writer import Writer

P = ParamSpec("P")
R = TypeVar("R")

ADMIN_WEIGHT = 125  # two of them in a turn: what they do is not known, some rows or hundreds
PAGE = 200  # rows in one read: a few milliseconds
AT_ONCE = 500  # ids or keys in one statement
CHANGES_AT_ONCE = 200  # in one transaction, with an event for each: 5 to 15 ms
COPIES_AT_ONCE = 25
ENDINGS_AT_ONCE = 100  # in one transaction: each takes three statements


class MailProxyDb:
    """The store on SQLite; made by `open_store`, ended by `close`."""

    def __init__(
        self, writer: Writer, readers: Readers, keyring: Keyring, clock: Clock, steady: Steady
    ) -> None:
        self._writer = writer
        self._readers = readers
        self._keyring = keyring
        self._clock = clock
        self._steady = steady
        self._replacing = asyncio.Lock()  # of the encryption key
        self._accept = partial(accept, keyring=keyring)  # one object: jobs of one verb are batched
        self._searches = asyncio.Semaphore(READERS - 1)  # one is left for the mail, at any time

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Finish what was asked for, then close the file."""
        await self._writer.close()
        await self._readers.close()

    async def _write(
        self, work: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """What `work` returns, in a savepoint of its own, committed."""
        result: R = await self._writer.do(
            Lane.ADMIN,
            _run_each,
            lambda conn: work(conn, *args, **kwargs),
            weight=ADMIN_WEIGHT,
        )
        return result

    async def _search(
        self, work: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """A read that may take long, as a filter says."""
        async with self._searches:
            return await self._readers.read(work, *args, **kwargs)

    # --- instance ---

    async def get_setting(self, name: str) -> Any:
        return await self._readers.read(instance.get_setting, name, self._keyring)

    async def set_setting(self, name: str, value: Any, *, secret: bool = False) -> None:
        await self._write(instance.set_setting, name, value, secret=secret, keyring=self._keyring)

    async def settings(self) -> dict[str, Any]:
        return await self._readers.read(instance.settings, self._keyring)

    @property
    def is_key_replaced(self) -> bool:
        return not self._keyring.old_mark

    async def replace_lost_key(self) -> None:
        async with self._replacing:
            check = await asyncio.to_thread(self._keyring.replace_lost)
            await self.set_setting(instance.KEY_CHECK, check)

    async def replace_key(self) -> int:
        async with self._replacing:
            await asyncio.to_thread(self._keyring.begin_replacement)
            place: resealing.Place | None = resealing.Place()
            n = 0
            while place is not None:
                done = await self._write(
                    resealing.reseal_some, place, keyring=self._keyring, limit=resealing.AT_ONCE
                )
                n, place = n + done.n, done.place
            await self.set_setting(instance.KEY_CHECK, self._keyring.check())
            await asyncio.to_thread(self._keyring.end_replacement)
            return n

    # --- tenants, keys, accounts ---

    async def put_tenant(self, tenant: Tenant, *, now: float) -> bool:
        return await self._write(tenants.put_tenant, tenant, now=now, keyring=self._keyring)

    async def change_tenant(self, tenant_id: str, fields: Fields, *, now: float) -> bool:
        return await self._write(
            tenants.change_tenant, tenant_id, fields, now=now, keyring=self._keyring
        )

    async def rotate_webhook_secret(
        self, tenant_id: str, secret: str, *, now: float, overlap_s: float
    ) -> list[dict[str, Any]] | None:
        return await self._write(
            tenants.rotate_webhook_secret,
            tenant_id,
            secret,
            now=now,
            overlap_s=overlap_s,
            keyring=self._keyring,
        )

    async def delete_tenant(self, tenant_id: str) -> bool:
        is_known = await self._write(tenants.close_tenant, tenant_id)
        while await self._write(tenants.empty_tenant, tenant_id):
            pass
        tenant = await self.get_tenant(tenant_id)
        auth = None if tenant is None else tenant.storage_auth
        dropped_as = None if auth is None else f"storage_auth:{tenant_id}:{self._clock.now():.6f}"
        if dropped_as is not None:
            await self.set_setting(dropped_as, auth, secret=True)
        drop = partial(tenants.drop_tenant, now=self._clock.now(), dropped_as=dropped_as)
        while await self._write(drop, tenant_id):
            pass
        if dropped_as is not None:
            await self.forget_dropped(dropped_as)
        return is_known

    async def get_tenant(self, tenant_id: str) -> Tenant | None:
        return await self._readers.read(tenants.get_tenant, tenant_id, self._keyring)

    async def list_tenants(self, *, active_only: bool = False) -> list[Tenant]:
        return await self._readers.read(
            tenants.list_tenants, active_only=active_only, keyring=self._keyring
        )

    async def put_key(self, key: ApiKey) -> bool:
        return await self._write(tenants.put_key, key)

    async def delete_key(self, tenant_id: str, key_id: str) -> bool:
        return await self._write(tenants.delete_key, tenant_id, key_id)

    async def note_key_uses(self, uses: Mapping[tuple[str, str], float]) -> None:
        await self._write(tenants.note_key_uses, uses)

    async def list_keys(self, tenant_id: str | None) -> list[ApiKey]:
        return await self._readers.read(tenants.list_keys, tenant_id)

    async def find_key(self, token_sha256: str) -> ApiKey | None:
        return await self._readers.read(tenants.find_key, token_sha256)

    async def put_account(self, account: Account, *, now: float) -> bool:
        return await self._write(tenants.put_account, account, now=now, keyring=self._keyring)

    async def edit_account(
        self,
        tenant_id: str,
        account_id: str,
        edit: Callable[[Account | None], Account],
        *,
        now: float,
    ) -> Account | None:
        key = (tenant_id, account_id)
        return await self._write(tenants.edit_account, key, edit, now=now, keyring=self._keyring)

    async def change_account(
        self, tenant_id: str, account_id: str, fields: Fields, *, now: float
    ) -> bool:
        key = (tenant_id, account_id)
        return await self._write(
            tenants.change_account, key, fields, now=now, keyring=self._keyring
        )

    async def renew_refresh_token(
        self, tenant_id: str, account_id: str, old: str, new: str, *, now: float
    ) -> bool:
        key = (tenant_id, account_id)
        return await self._write(
            tenants.renew_refresh_token, key, old, new, now=now, keyring=self._keyring
        )

    async def delete_account(self, tenant_id: str, account_id: str) -> bool:
        return await self._write(tenants.delete_account, tenant_id, account_id)

    async def get_account(self, tenant_id: str, account_id: str) -> Account | None:
        return await self._readers.read(tenants.get_account, tenant_id, account_id, self._keyring)

    async def list_accounts(self, tenant_id: str | None) -> list[Account]:
        return await self._readers.read(tenants.list_accounts, tenant_id, self._keyring)

    # --- the hot verbs ---

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

    # --- leases ---

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

    # --- messages ---

    async def list_messages(
        self,
        chosen: MessageFilter,
        *,
        limit: int | None = None,
        after: Position | None = None,
        with_content: bool = False,
        with_events: bool = False,
    ) -> AsyncIterator[MessageRow]:
        extras = messages.Extras(with_content, with_events)
        left = limit
        while left is None or left > 0:
            size = PAGE if left is None else min(left, PAGE)
            found = await self._search(
                searching.search_page, chosen, limit=size, after=after, extras=extras
            )
            for message in found.rows:
                yield message
            if found.after is None:
                return
            after = found.after
            left = None if left is None else left - len(found.rows)

    async def search_messages(
        self,
        chosen: MessageFilter,
        *,
        limit: int,
        after: Position | None = None,
        reverse: bool = False,
    ) -> Found[MessageRow, Position]:
        return await self._search(
            searching.search_page,
            chosen,
            limit=limit,
            after=after,
            extras=messages.Extras(),
            reverse=reverse,
        )

    async def ordered_messages(
        self,
        chosen: MessageFilter,
        order: Order,
        *,
        limit: int,
        after: Place | None = None,
        reverse: bool = False,
    ) -> Found[MessageRow, Place]:
        return await self._search(
            ordering.ordered_page, chosen, order, limit=limit, after=after, reverse=reverse
        )

    async def count_messages(self, chosen: MessageFilter, *, most: int) -> tuple[int, bool]:
        return await self._search(counted.count_messages, chosen, most=most)

    async def find_messages(
        self, tenant_id: str | None, ids: Sequence[str], *, full: bool = False
    ) -> list[MessageRow]:
        return [
            message
            for some in _chunks(ids)
            for message in await self._readers.read(
                messages.find_messages, tenant_id, some, full=full
            )
        ]

    async def get_by_pk(self, pk: int, *, full: bool = False) -> MessageRow | None:
        return await self._readers.read(messages.get_by_pk, pk, full=full)

    async def message_events(self, tenant_id: str, pk: int) -> list[EventRow]:
        return await self._readers.read(messages.message_events, tenant_id, pk)

    async def delete_messages(self, tenant_id: str, ids: Sequence[str]) -> set[str]:
        removed: set[str] = set()
        for some in _chunks(ids):
            removed |= await self._write(removing.delete_messages, tenant_id, some)
        return removed

    async def retry_messages(self, tenant_id: str, ids: Sequence[str], *, now: float) -> set[str]:
        retried: set[str] = set()
        for some in _chunks(ids):
            retried |= await self._write(moving.retry_messages, tenant_id, some, now=now)
        return retried

    async def search_keys(
        self, chosen: MessageFilter, *, limit: int, after: Position | None = None
    ) -> Found[Key, Position]:
        return await self._search(searching.search_keys, chosen, limit=limit, after=after)

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
        for some in _chunks(ids, CHANGES_AT_ONCE):
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
        for some in _chunks(copies, COPIES_AT_ONCE):
            acted += await self._write(copying.copy_messages, tenant_id, some, act, take, so_far)
        return acted

    async def set_back(self, seconds: float, *, now: float) -> None:
        for account in await self.ready_accounts():
            for priority in PRIORITIES.values():
                place = moving.Place(account.tenant_id, account.account_id, priority, now)
                while rows := await self._readers.read(moving.rows_to_redate, place):
                    pks = [row.pk for row in rows]
                    await self._write(moving.redate, place.tenant_id, pks, seconds, after=now)
                    place = place._replace(due_at=rows[-1].due_at, pk=rows[-1].pk)

    async def expired(self, *, now: float, limit: int) -> list[MessageRow]:
        return await self._readers.read(ending.expired, now=now, limit=limit)

    async def overdue(
        self, tenant_id: str, account_id: str, *, before: float, limit: int
    ) -> list[MessageRow]:
        return await self._readers.read(
            ending.overdue, tenant_id, account_id, before=before, limit=limit
        )

    async def end_messages(self, endings: Sequence[Ending], *, now: float) -> set[int]:
        ended: set[int] = set()
        for some in _chunks(endings, ENDINGS_AT_ONCE):
            ended |= await self._write(ending.end_messages, some, now=now)
        return ended

    async def cleanup_messages(
        self, tenant_id: str | None, *, before: float, limit: int | None = None
    ) -> int:
        removed = 0
        for each in await self._readers.read(removing.tenants_to_clean, tenant_id):
            after: removing.Position | None = None
            while limit is None or removed < limit:
                size = AT_ONCE if limit is None else min(AT_ONCE, limit - removed)
                after, pks = await self._readers.read(
                    removing.find_old, each, before=before, after=after, limit=size
                )
                if after is None:
                    break
                if pks:
                    removed += await self._write(removing.remove_old, each, pks, before=before)
        return removed

    async def cleanup_commands(self, *, before: float, limit: int | None = None) -> int:
        removed = 0
        for each in await self._readers.read(removing.tenants_with_commands, before=before):
            while limit is None or removed < limit:
                size = AT_ONCE if limit is None else min(AT_ONCE, limit - removed)
                n = await self._write(removing.remove_commands, each, before=before, limit=size)
                if not n:
                    break
                removed += n
        return removed

    # --- spool files ---

    async def spooled(self, names: Sequence[str]) -> set[str]:
        return {
            name
            for some in _chunks(names)
            for name in await self._readers.read(spool_names.named_in_rows, some)
        }

    async def spool_garbage(self, *, limit: int) -> list[str]:
        return await self._readers.read(spool_names.find_garbage, limit=limit)

    async def forget_spool_garbage(self, names: Sequence[str]) -> None:
        for some in _chunks(names):
            await self._write(spool_names.forget_garbage, some)

    async def free_pages(self) -> tuple[int, int]:
        return await self._readers.read(shrinking.free_pages)

    async def shrink(self, pages: int) -> None:
        await self._write(shrinking.shrink, pages)

    # --- who gets no mail ---

    async def suppress(
        self, tenant_id: str, reasons: Mapping[str, str | None], *, now: float
    ) -> int | None:
        added = 0
        for some in _chunks(list(reasons.items())):
            put = partial(suppressions.suppress, tenant_id=tenant_id, reasons=dict(some), now=now)
            n: int | None = await self._write(tenants.for_tenant, tenant_id, put)
            if n is None:
                return None
            added += n
        return added

    async def unsuppress(self, tenant_id: str, address: str) -> bool:
        return await self._write(suppressions.unsuppress, tenant_id, address)

    async def suppressed(self, tenant_id: str, addresses: Sequence[str]) -> dict[str, str | None]:
        return await self._readers.read(suppressions.suppressed, tenant_id, addresses)

    async def find_suppression(
        self, tenant_id: str, address: str
    ) -> list[suppressions.Suppression]:
        return await self._readers.read(suppressions.find_suppression, tenant_id, address)

    async def list_suppressions(
        self, tenant_id: str, *, after: str, limit: int
    ) -> list[suppressions.Suppression]:
        return await self._readers.read(
            suppressions.list_suppressions, tenant_id, after=after, limit=limit
        )

    async def tenants_with_suppressions(self) -> set[str]:
        return await self._readers.read(suppressions.tenants_with_suppressions)

    # --- suspension ---

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

    # --- numbers ---

    async def counts(self, tenant_id: str | None = None) -> list[Count]:
        return await self._readers.read(numbers.counts, tenant_id)

    async def count_pending(self, tenant_id: str, batch_code: str | None = None) -> int:
        return await self._readers.read(numbers.count_pending, tenant_id, batch_code)

    async def count_ahead(self, row: MessageRow, *, now: float, most: int) -> int:
        return await self._readers.read(numbers.count_ahead, row, now=now, most=most)

    async def oldest_waiting(self, tenant_id: str | None = None) -> float | None:
        return await self._readers.read(numbers.oldest_waiting, tenant_id, now=self._clock.now())

    async def standing(self, tenant_id: str | None = None) -> Standing:
        return await self._readers.read(numbers.standing, tenant_id, now=self._clock.now())

    async def uses(self, tenant_id: str | None = None) -> dict[tuple[str, str], AccountUse]:
        now = self._steady.now()
        return await self._readers.read(numbers.uses, tenant_id, steady_now=now)

    @property
    def commit_s(self) -> float | None:
        return self._writer.turn_s

    # --- reports ---

    async def unreported(self, tenant_id: str, *, limit: int) -> list[EventRow]:
        return await self._readers.read(unreported, tenant_id, limit=limit)

    async def tenants_with_reports(self) -> list[str]:
        return await self._readers.read(reports.tenants_with_reports)

    async def oldest_unreported(self) -> float | None:
        return await self._readers.read(reports.oldest_unreported)

    async def mark_reported(
        self, tenant_id: str, events: Sequence[EventRow], *, now: float, state: str = "reported"
    ) -> None:
        for some in _chunks(events):
            await self._write(mark_reported, tenant_id, some, now=now, state=state)

    async def count_report_try(self, tenant_id: str, pks: Sequence[int]) -> None:
        for some in _chunks(pks):
            await self._write(count_report_try, tenant_id, some)

    async def list_reports(
        self,
        tenant_id: str | None,
        states: Sequence[str],
        *,
        limit: int,
        after: reports.Position | None = None,
    ) -> list[EventRow]:
        return await self._readers.read(
            reports.list_reports, tenant_id, states, limit=limit, after=after
        )

    async def report_counts(self, *, most: int) -> dict[str, ReportCounts]:
        return await self._readers.read(reports.report_counts, most=most)

    async def replay_events(self, tenant_id: str, pks: Sequence[int], *, now: float) -> set[int]:
        again: set[int] = set()
        for some in _chunks(pks):
            again |= await self._write(reports.replay_events, tenant_id, some, now=now)
        return again

    async def replay_messages(
        self, tenant_id: str, ids: Sequence[str], *, now: float
    ) -> dict[str, int]:
        again: dict[str, int] = {}
        for some in _chunks(ids):
            again |= await self._write(reports.replay_messages, tenant_id, some, now=now)
        return again

    async def replay_between(
        self, tenant_id: str, since_ts: float, until_ts: float, *, now: float
    ) -> int:
        n = after = 0
        while pks := await self._readers.read(
            reports.reportable_between, tenant_id, since_ts, until_ts, after=after, limit=AT_ONCE
        ):
            n += len(await self._write(reports.replay_events, tenant_id, pks, now=now))
            after = pks[-1]
        return n

    async def sync_states(self) -> dict[str, SyncState]:
        return await self._readers.read(reports.sync_states)

    async def get_sync_state(self, tenant_id: str) -> SyncState:
        return await self._readers.read(reports.get_sync_state, tenant_id)

    async def put_sync_state(self, state: SyncState) -> None:
        await self._write(
            tenants.for_tenant, state.tenant_id, lambda conn: reports.put_sync_state(conn, state)
        )

    # --- stored files ---

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
        if not await self._readers.read(stored_files.count_dropped, dropped_as):
            await self._write(instance.forget_setting, dropped_as)

    # --- audit ---

    async def log_command(
        self,
        *,
        tenant_id: str,
        command_ts: float,
        endpoint: str,
        caller: str,
        payload: dict[str, Any],
        response_status: int,
        request_id: str | None = None,
    ) -> None:
        command = commands.LoggedCommand(
            tenant_id, command_ts, endpoint, caller, payload, response_status, request_id
        )
        await self._writer.do(Lane.ADMIN, commands.log_commands, command, weight=1)

    async def list_commands(
        self,
        *,
        tenant_id: str | None = None,
        since_ts: float | None = None,
        until_ts: float | None = None,
        endpoint_filter: str | None = None,
        after_pk: int | None = None,
        limit: int,
        oldest_first: bool = False,
    ) -> list[CommandRow]:
        return await self._readers.read(
            commands.list_commands,
            tenant_id=tenant_id,
            since_ts=since_ts,
            until_ts=until_ts,
            endpoint_filter=endpoint_filter,
            after_pk=after_pk,
            limit=limit,
            oldest_first=oldest_first,
        )


def _run_each(conn: Connection, works: Sequence[Callable[[Connection], Any]]) -> list[Any]:
    return [work(conn) for work in works]


def _chunks(items: Sequence[R], size: int = AT_ONCE) -> list[Sequence[R]]:
    return [items[i : i + size] for i in range(0, len(items), size)]
