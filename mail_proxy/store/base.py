"""The Store protocol: every verb is a whole operation, takes batches and takes `now`.

No verb keeps a transaction open while the world is waited for. Errors: `StoreUnavailable`,
`StoreFull`, `ForeignDatabase` (domain/errors.py); an absent row is a value, never an error.

It is long because there are many verbs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

from mail_proxy.domain.filters import Order
from mail_proxy.domain.message import LOWEST_PRIORITY
from mail_proxy.domain.stored_file import StoredFile
from mail_proxy.store.acting import Act
from mail_proxy.store.commands import CommandRow
from mail_proxy.store.suppressions import Suppression
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

NO_LIMITS: Mapping[str, int] = MappingProxyType({})


class Store(Protocol):
    """`MailProxyDb` on SQLite, later on PostgreSQL. One contract suite proves them all."""

    async def close(self) -> None: ...

    # instance settings; JSON values; `secret` ones are encrypted at rest
    async def get_setting(self, name: str) -> Any: ...
    async def set_setting(self, name: str, value: Any, *, secret: bool = False) -> None: ...
    async def settings(self) -> dict[str, Any]: ...

    async def replace_lost_key(self) -> None:
        """A new encryption key; what the old one sealed stays, and unreadable.

        Raises Conflict, ConfigurationError.
        """
        ...

    @property
    def is_key_replaced(self) -> bool:
        """False: a replacement was cut off, and is to be gone on with."""
        ...

    async def replace_key(self) -> int:
        """Seal every secret with a new encryption key; how many there were.

        In small steps, each a transaction of its own. What was cut off is gone on with.
        Raises Conflict, SecretsUnavailable, ConfigurationError.
        """
        ...

    # tenants, keys, accounts. `put_*` inserts or replaces; `change_*` sets the given fields only.
    async def put_tenant(self, tenant: Tenant, *, now: float) -> bool:
        """True when the tenant is new; `created_at` of an old one is kept."""
        ...

    async def change_tenant(self, tenant_id: str, fields: Fields, *, now: float) -> bool: ...
    async def rotate_webhook_secret(
        self, tenant_id: str, secret: str, *, now: float, overlap_s: float
    ) -> list[dict[str, Any]] | None:
        """Those that it has now, newest first (`domain.webhook`); None: no such tenant."""
        ...

    async def delete_tenant(self, tenant_id: str) -> bool:
        """With its accounts, messages, events, keys and all else; in chunks, the tenant last."""
        ...

    async def get_tenant(self, tenant_id: str) -> Tenant | None: ...
    async def list_tenants(self, *, active_only: bool = False) -> list[Tenant]: ...

    async def put_key(self, key: ApiKey) -> bool:
        """In place of the one with the same id, if there is one. False: no such tenant."""
        ...

    async def delete_key(self, tenant_id: str, key_id: str) -> bool: ...
    async def note_key_uses(self, uses: Mapping[tuple[str, str], float]) -> None:
        """When keys were used last: (tenant, key) -> seconds since the epoch."""
        ...

    async def list_keys(self, tenant_id: str | None) -> list[ApiKey]:
        """Oldest first; None: of all tenants."""
        ...

    async def find_key(self, token_sha256: str) -> ApiKey | None: ...

    async def put_account(self, account: Account, *, now: float) -> bool:
        """One that is marked as default takes the mark from the tenant's others."""
        ...

    async def edit_account(
        self,
        tenant_id: str,
        account_id: str,
        edit: Callable[[Account | None], Account],
        *,
        now: float,
    ) -> Account | None:
        """Put what `edit` makes of the account as it is, or of None; None: no such tenant.

        It is called within the transaction, in another thread, and perhaps more than once: so it
        only looks at values. What it raises is raised here, and nothing is written.
        """
        ...

    async def change_account(
        self, tenant_id: str, account_id: str, fields: Fields, *, now: float
    ) -> bool: ...
    async def renew_refresh_token(
        self, tenant_id: str, account_id: str, old: str, new: str, *, now: float
    ) -> bool:
        """False when the account has another one than `old` by now, or is gone."""
        ...

    async def delete_account(self, tenant_id: str, account_id: str) -> bool: ...
    async def get_account(self, tenant_id: str, account_id: str) -> Account | None: ...
    async def list_accounts(self, tenant_id: str | None) -> list[Account]: ...

    # the hot verbs
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

    async def set_back(self, seconds: float, *, now: float) -> None:
        """The clock was set back: what is due after `now` is due so much earlier.

        Not what the caller has scheduled: that time is the world's, not our clock's.
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

    # leases
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

    # messages
    def list_messages(
        self,
        chosen: MessageFilter,
        *,
        limit: int | None = None,
        after: Position | None = None,
        with_content: bool = False,
        with_events: bool = False,
    ) -> AsyncIterator[MessageRow]:
        """By tenant, priority, pk, in short reads of a page each.

        after: (tenant_id, priority, pk) of the last row seen.
        """
        ...

    async def search_messages(
        self,
        chosen: MessageFilter,
        *,
        limit: int,
        after: Position | None = None,
        reverse: bool = False,
    ) -> Found[MessageRow, Position]:
        """Up to `limit` of them in that order, in one short read, so there may be fewer."""
        ...

    async def ordered_messages(
        self,
        chosen: MessageFilter,
        order: Order,
        *,
        limit: int,
        after: Place | None = None,
        reverse: bool = False,
    ) -> Found[MessageRow, Place]:
        """The same in another order than by tenant."""
        ...

    async def count_messages(self, chosen: MessageFilter, *, most: int) -> tuple[int, bool]:
        """How many match, up to `most`; and whether there may be more. In one short read."""
        ...

    async def find_messages(
        self, tenant_id: str | None, ids: Sequence[str], *, full: bool = False
    ) -> list[MessageRow]:
        """Messages with one of these caller's ids; `full` adds content and events."""
        ...

    async def get_by_pk(self, pk: int, *, full: bool = False) -> MessageRow | None: ...
    async def message_events(self, tenant_id: str, pk: int) -> list[EventRow]: ...

    async def delete_messages(self, tenant_id: str, ids: Sequence[str]) -> set[str]:
        """The ids that were removed: not LEASED ones, not absent ones."""
        ...

    async def retry_messages(self, tenant_id: str, ids: Sequence[str], *, now: float) -> set[str]:
        """RETRY: WAITING, due now, tries anew, refused recipients of a FAILED one pending again."""
        ...

    async def search_keys(
        self, chosen: MessageFilter, *, limit: int, after: Position | None = None
    ) -> Found[Key, Position]:
        """As `search_messages`, of each message only what names it."""
        ...

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

    # files beside the rows; see `spool.py`
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

    # who gets no mail; an address as `operations/suppressions.py` writes it
    async def suppress(
        self, tenant_id: str, reasons: Mapping[str, str | None], *, now: float
    ) -> int | None:
        """Put each address on the list, with its reason; how many are new. None: no such tenant."""
        ...

    async def unsuppress(self, tenant_id: str, address: str) -> bool: ...
    async def suppressed(self, tenant_id: str, addresses: Sequence[str]) -> dict[str, str | None]:
        """Those that are on the list, with the reason."""
        ...

    async def find_suppression(self, tenant_id: str, address: str) -> list[Suppression]: ...
    async def list_suppressions(
        self, tenant_id: str, *, after: str, limit: int
    ) -> list[Suppression]:
        """By address, beyond `after`."""
        ...

    async def tenants_with_suppressions(self) -> set[str]: ...

    # suspension
    async def suspend(self, tenant_id: str, batch_code: str | None, *, now: float) -> None: ...
    async def activate(self, tenant_id: str, batch_code: str | None, *, now: float) -> bool:
        """False: one batch cannot be activated while the whole tenant is suspended."""
        ...

    async def suspended_batches(self, tenant_id: str) -> list[str]:
        """Sorted codes; `["*"]` for the whole tenant."""
        ...

    # numbers
    async def counts(self, tenant_id: str | None = None) -> list[Count]: ...
    async def count_pending(self, tenant_id: str, batch_code: str | None = None) -> int: ...
    async def count_ahead(self, row: MessageRow, *, now: float, most: int) -> int:
        """Waiting messages of its account that go before a due one; counted up to `most`."""
        ...

    async def oldest_waiting(self, tenant_id: str | None = None) -> float | None:
        """created_at of the oldest due WAITING message, or None."""
        ...

    async def standing(self, tenant_id: str | None = None) -> Standing:
        """The queue in numbers; costs no more with many messages than with few."""
        ...

    async def uses(self, tenant_id: str | None = None) -> dict[tuple[str, str], AccountUse]:
        """What accounts use of themselves and their limits, by tenant and account."""
        ...

    @property
    def commit_s(self) -> float | None:
        """What a transaction takes of late, with its sync; None before the first."""
        ...

    # reports
    async def unreported(self, tenant_id: str, *, limit: int) -> list[EventRow]:
        """Oldest first."""
        ...

    async def tenants_with_reports(self) -> list[str]: ...
    async def oldest_unreported(self) -> float | None:
        """event_ts of the oldest event that waits for an application, or None."""
        ...

    async def mark_reported(
        self, tenant_id: str, events: Sequence[EventRow], *, now: float, state: str = "reported"
    ) -> None:
        """Those that wait still as they were read: not one that is to be told once more since."""
        ...

    async def count_report_try(self, tenant_id: str, pks: Sequence[int]) -> None: ...
    async def list_reports(
        self,
        tenant_id: str | None,
        states: Sequence[str],
        *,
        limit: int,
        after: tuple[str, int] | None = None,
    ) -> list[EventRow]:
        """Events in one of the report states, by tenant and pk; `after` is such a key."""
        ...

    async def report_counts(self, *, most: int) -> dict[str, ReportCounts]:
        """By tenant, each number counted up to `most`; without those that have none."""
        ...

    async def replay_events(self, tenant_id: str, pks: Sequence[int], *, now: float) -> set[int]:
        """They wait for their report once more, also reported and parked ones; those there are."""
        ...

    async def replay_messages(
        self, tenant_id: str, ids: Sequence[str], *, now: float
    ) -> dict[str, int]:
        """All events of these messages; by id, how many."""
        ...

    async def replay_between(
        self, tenant_id: str, since_ts: float, until_ts: float, *, now: float
    ) -> int:
        """All that happened from `since_ts` on and before `until_ts`; how many."""
        ...

    async def sync_states(self) -> dict[str, SyncState]:
        """By tenant; without those that were never reported to."""
        ...

    async def get_sync_state(self, tenant_id: str) -> SyncState: ...
    async def put_sync_state(self, state: SyncState) -> None:
        """Nothing where the tenant was deleted meanwhile."""
        ...

    # files that mails have links to
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

    # audit
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
    ) -> None: ...
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
        """tenant_id: "" for the instance, None for all. endpoint_filter: a part of the path.

        after_pk: only lines behind this one, which was the last of a page.
        """
        ...
