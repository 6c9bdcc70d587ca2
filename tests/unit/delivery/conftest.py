"""Makers shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mail_proxy.store import Account, Claimed
from mail_proxy.store.values.queue import PendingRecipient


@pytest.fixture
def account() -> Callable[..., Account]:
    def make(account_id: str = "main", *, tenant_id: str = "acme", **changes: Any) -> Account:
        return Account(tenant_id, account_id, "relay.example", 25, **changes)

    return make


@pytest.fixture
def claimed() -> Callable[..., Claimed]:
    def make(
        pk: int = 1, recipients: tuple[str, ...] = ("ann@x.example",), **changes: Any
    ) -> Claimed:
        fields: dict[str, Any] = {
            "tenant_id": "acme",
            "id": f"m{pk}",
            "account_id": "main",
            "priority": 2,
            "tries": 0,
            "created_at": 0.0,
            "queued_at": 0.0,
            "expires_at": None,
            "rfc_message_id": f"<{pk}@acme.example>",
            "return_path": "billing@acme.example",
            "content": b"{}",
            "lease_token": 7,
            "due_at": 0.0,
        }
        pending = tuple(PendingRecipient(n, address) for n, address in enumerate(recipients))
        return Claimed(pk=pk, recipients=pending, **(fields | changes))

    return make
