"""Whose turn it is: round robin over tenants, then over a tenant's accounts."""

from __future__ import annotations

from collections import deque

Key = tuple[str, str]  # tenant_id, account_id


class Ring:
    """Accounts that want a connection, each at most once."""

    def __init__(self) -> None:
        self._tenants: deque[str] = deque()
        self._accounts: dict[str, deque[str]] = {}
        self._waiting: set[Key] = set()

    def push(self, key: Key) -> None:
        """Put an account at the end of its tenant's row; one that stands there keeps its place."""
        if key in self._waiting:
            return
        self._waiting.add(key)
        tenant_id, account_id = key
        if tenant_id not in self._accounts:
            self._accounts[tenant_id] = deque()
            self._tenants.append(tenant_id)
        self._accounts[tenant_id].append(account_id)

    def pop(self) -> Key | None:
        """Take the next account out; its tenant goes to the end of the ring."""
        if not self._tenants:
            return None
        tenant_id = self._tenants.popleft()
        accounts = self._accounts[tenant_id]
        account_id = accounts.popleft()
        if accounts:
            self._tenants.append(tenant_id)
        else:
            del self._accounts[tenant_id]
        self._waiting.discard((tenant_id, account_id))
        return tenant_id, account_id

    def __bool__(self) -> bool:
        return bool(self._tenants)
