"""What the counters of /metrics have counted, as screens show it: by tenant, and by account today.

In memory, since the start of the process. It never goes back, also when an account is deleted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from mail_proxy.domain.clock import Clock
from mail_proxy.domain.limits import DAY_S


class Totals(NamedTuple):
    """Since the start: messages sent, attempts put off, messages failed for good."""

    sent: int = 0
    deferred: int = 0
    failed: int = 0


class Today(NamedTuple):
    """Of one account since midnight UTC, or since the start where that is later.

    last_error: the latest of any day; empty where there was none.
    """

    sent: int = 0
    failed: int = 0
    last_error: str = ""
    last_error_at: float = 0.0


@dataclass(slots=True)
class _Account:
    day: int = 0
    sent: int = 0
    failed: int = 0
    last_error: str = ""
    last_error_at: float = 0.0

    def begin(self, day: int) -> None:
        """Yesterday's numbers are gone with the first of another day."""
        if self.day != day:
            self.day, self.sent, self.failed = day, 0, 0


@dataclass(slots=True)
class _Tenant:
    sent: int = 0
    deferred: int = 0
    failed: int = 0
    accounts: dict[str, _Account] = field(default_factory=dict)


class Tallies:
    """Every verb is a few look-ups: it is called for each message."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tenants: dict[str, _Tenant] = {}
        self._gone = _Tenant()  # the sums of deleted tenants

    def sent(self, tenant_id: str, account_id: str, n: int) -> None:
        tenant, account = self._find(tenant_id, account_id)
        tenant.sent += n
        account.begin(self._day())
        account.sent += n

    def deferred(self, tenant_id: str, account_id: str, n: int) -> None:
        tenant, _ = self._find(tenant_id, account_id)
        tenant.deferred += n

    def failed(self, tenant_id: str, account_id: str, n: int) -> None:
        tenant, account = self._find(tenant_id, account_id)
        tenant.failed += n
        account.begin(self._day())
        account.failed += n

    def trouble(self, tenant_id: str, account_id: str, words: str) -> None:
        """The server, or we, have refused something of the account."""
        _, account = self._find(tenant_id, account_id)
        account.last_error, account.last_error_at = words, self._clock.now()

    def forget(self, tenant_id: str, account_id: str) -> None:
        """An account that was deleted; its tenant's sums stay."""
        if tenant := self._tenants.get(tenant_id):
            tenant.accounts.pop(account_id, None)

    def forget_tenant(self, tenant_id: str) -> None:
        """The sums of all stay."""
        if tenant := self._tenants.pop(tenant_id, None):
            self._gone.sent += tenant.sent
            self._gone.deferred += tenant.deferred
            self._gone.failed += tenant.failed

    def totals(self, tenant_id: str | None) -> Totals:
        """Of one tenant, or of all there are and were."""
        if tenant_id is not None:
            found = self._tenants.get(tenant_id)
            return Totals() if found is None else _totals(found)
        every = [_totals(tenant) for tenant in (self._gone, *self._tenants.values())]
        return Totals(*map(sum, zip(*every, strict=True)))

    def today(self, tenant_id: str, account_id: str) -> Today:
        tenant = self._tenants.get(tenant_id)
        account = tenant.accounts.get(account_id) if tenant else None
        if account is None:
            return Today()
        is_now = account.day == self._day()
        return Today(
            account.sent if is_now else 0,
            account.failed if is_now else 0,
            account.last_error,
            account.last_error_at,
        )

    def _find(self, tenant_id: str, account_id: str) -> tuple[_Tenant, _Account]:
        tenant = self._tenants.get(tenant_id)
        if tenant is None:
            tenant = self._tenants[tenant_id] = _Tenant()
        account = tenant.accounts.get(account_id)
        if account is None:
            account = tenant.accounts[account_id] = _Account()
        return tenant, account

    def _day(self) -> int:
        return int(self._clock.now() // DAY_S)


def _totals(tenant: _Tenant) -> Totals:
    return Totals(tenant.sent, tenant.deferred, tenant.failed)
