"""A migrated database, and its writing connection, without a store around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from mail_proxy.secrets import Keyring
from mail_proxy.store import Account, NewMessage, Tenant
from mail_proxy.store.migrate import migrate
from mail_proxy.store.sqlite.connections import make_new, open_writer
from mail_proxy.store.tenants import put_account, put_tenant


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    made = Keyring(b"k" * 32, tmp_path / "secret.key")
    made.settle(None)
    return made


@pytest.fixture
def conn(path: Path, keyring: Keyring) -> Iterator[Connection]:
    """Tenant `acme` with the account `main`."""
    make_new(path)
    opened = open_writer(path)
    migrate(opened)
    with opened.begin():
        put_tenant(opened, Tenant("acme"), now=1.0, keyring=keyring)
        account = Account("acme", "main", "mail.example", 25)
        put_account(opened, account, now=1.0, keyring=keyring)
    yield opened
    opened.close()


@pytest.fixture
def message() -> Callable[..., NewMessage]:
    def make(id_: str, *, subject: str = "Subject", batch_code: str | None = None) -> NewMessage:
        return NewMessage(
            tenant_id="acme",
            id=id_,
            account_id="main",
            priority=2,
            due_at=1.0,
            deferred_ts=None,
            batch_code=batch_code,
            sender="ann@acme.example",
            subject=subject,
            return_path="ann@acme.example",
            rfc_message_id=f"<{id_}@acme.example>",
            recipients=("bob@example.net",),
            content=b"{}",
            created_at=1.0,
        )

    return make
