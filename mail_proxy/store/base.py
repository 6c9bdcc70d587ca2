"""The Store protocol: every verb is a whole operation, takes batches and takes `now`.

No verb keeps a transaction open while the world is waited for. Errors: `StoreUnavailable`,
`StoreFull`, `ForeignDatabase` (domain/errors.py); an absent row is a value, never an error. The
verbs of each noun stand in `protocols/`.
"""

from __future__ import annotations

from typing import Protocol

from mail_proxy.store.protocols.changes import ChangeStore
from mail_proxy.store.protocols.files import FileStore
from mail_proxy.store.protocols.instance import InstanceStore
from mail_proxy.store.protocols.messages import MessageStore
from mail_proxy.store.protocols.numbers import NumberStore
from mail_proxy.store.protocols.queue import QueueStore
from mail_proxy.store.protocols.reports import ReportStore
from mail_proxy.store.protocols.suppressions import SuppressionStore
from mail_proxy.store.protocols.tenants import TenantStore
from mail_proxy.store.protocols.upkeep import UpkeepStore


class Store(
    InstanceStore,
    TenantStore,
    QueueStore,
    MessageStore,
    ChangeStore,
    UpkeepStore,
    SuppressionStore,
    NumberStore,
    ReportStore,
    FileStore,
    Protocol,
):
    """`MailProxyDb` on SQLite, later on PostgreSQL. One contract suite proves them all."""

    async def close(self) -> None: ...
