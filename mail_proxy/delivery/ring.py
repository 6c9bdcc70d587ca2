"""Whose turn it is: round robin over tenants, then over a tenant's accounts."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

Key = tuple[str, str]  # tenant_id, account_id


class Ring:
    """Accounts that want something, each at most once."""

    def __init__(self) -> None:
        self._tenants: deque[str] = deque()
        self._accounts: dict[str, deque[str]] = {}
        self._waiting: set[Key] = set()

    def push(self, key: Key) -> None:
        """Put an account at the end of its tenant's row; one that stands there keeps its place."""
        if key not in self._waiting:
            self._row(key).append(key[1])

    def push_first(self, key: Key) -> None:
        """Put it back in front of its tenant's row: it got nothing when its turn came."""
        if key not in self._waiting:
            self._row(key).appendleft(key[1])

    def _row(self, key: Key) -> deque[str]:
        self._waiting.add(key)
        tenant_id, _ = key
        if tenant_id not in self._accounts:
            self._accounts[tenant_id] = deque()
            self._tenants.append(tenant_id)
        return self._accounts[tenant_id]

    def pop(self, without: Collection[str] = ()) -> Key | None:
        """Take the next account out; its tenant goes to the end of the ring.

        without: tenants that are passed over, and keep their places.
        """
        for tenant_id in self._tenants:
            if tenant_id not in without:
                return self._pop_of(tenant_id)
        return None

    def _pop_of(self, tenant_id: str) -> Key:
        self._tenants.remove(tenant_id)
        accounts = self._accounts[tenant_id]
        key = (tenant_id, accounts.popleft())
        if accounts:
            self._tenants.append(tenant_id)
        else:
            del self._accounts[tenant_id]
        self._waiting.discard(key)
        return key

    def has_others(self, tenant_id: str) -> bool:
        """Another tenant waits."""
        return len(self._accounts) > (tenant_id in self._accounts)

    def __bool__(self) -> bool:
        return bool(self._tenants)
