"""From the rows of an account and its tenant to a lane."""

from __future__ import annotations

from mail_proxy.delivery.lane import Lane
from mail_proxy.delivery.ring import Key
from mail_proxy.domain.clock import Clock, on_monotonic
from mail_proxy.domain.errors import StoreError
from mail_proxy.domain.limits import pause_kind
from mail_proxy.observe import events
from mail_proxy.store import Account, Store, Tenant


class StoreAway(Exception):
    """The account cannot be read now; look again in a moment."""


class LaneOpener:
    """Reads accounts as they are now, also while they are being changed."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._changes = 0

    def changed(self) -> None:
        """An account was changed: what is being read at this moment is read again."""
        self._changes += 1

    async def open(self, key: Key) -> tuple[Lane, Tenant] | None:
        """None where there is no usable account: its messages wait for it. Raises StoreAway."""
        try:
            account, tenant = await self._read(key)
        except StoreError as error:
            events.store_trouble(where="account", error=error)
            raise StoreAway from error
        except Exception as error:  # noqa: BLE001 - a row that cannot be read stops its account only
            events.task_broke(f"account {key}", error)
            return None
        if account is None or tenant is None or account.secret_unreadable:
            events.account_unusable(*key, is_there=account is not None)
            return None
        if account.stopped_at is not None:  # by a person: its messages wait, as they were told to
            return None
        return self._lane(account), tenant

    def _lane(self, account: Account) -> Lane:
        """A fault's pause goes on. One of a limit is only shown: the next claim knows better."""
        lane = Lane(account, failures=account.failures)
        if account.paused_until and pause_kind(account.paused_reason) == "limit":
            lane.limit_shown = account.paused_until, account.paused_reason or ""
        elif account.paused_until:
            lane.paused_until = on_monotonic(self._clock, account.paused_until)
        return lane

    async def _read(self, key: Key) -> tuple[Account | None, Tenant | None]:
        while True:
            changes = self._changes
            account = await self._store.get_account(*key)
            tenant = await self._store.get_tenant(key[0])
            if changes == self._changes:
                return account, tenant
