"""The store: `open_store` gives a `MailProxyDb`, which is the `Store` protocol of `base`.

Verbs are whole operations; the values that they take and return are here too.
"""

from mail_proxy.store.acting import Act
from mail_proxy.store.base import Store
from mail_proxy.store.db import MailProxyDb
from mail_proxy.store.open import open_store
from mail_proxy.store.values.changes import Acted, Copy, Ending
from mail_proxy.store.values.events import EventRow, NewEvent
from mail_proxy.store.values.intake import Accepted, NewMessage
from mail_proxy.store.values.leases import Daemon, Lease, Peer
from mail_proxy.store.values.messages import MessageFilter, MessageRow, Position, RecipientRow
from mail_proxy.store.values.queue import (
    Claim,
    Claimed,
    Outcome,
    PendingRecipient,
    ReadyAccount,
    RecipientResult,
    Rejected,
)
from mail_proxy.store.values.reports import SyncState
from mail_proxy.store.values.tenants import Account, ApiKey, Fields, Tenant

__all__ = [
    "Accepted",
    "Account",
    "Act",
    "Acted",
    "ApiKey",
    "Claim",
    "Claimed",
    "Copy",
    "Daemon",
    "Ending",
    "EventRow",
    "Fields",
    "Lease",
    "MailProxyDb",
    "MessageFilter",
    "MessageRow",
    "NewEvent",
    "NewMessage",
    "Outcome",
    "Peer",
    "PendingRecipient",
    "Position",
    "ReadyAccount",
    "RecipientResult",
    "RecipientRow",
    "Rejected",
    "Store",
    "SyncState",
    "Tenant",
    "open_store",
]
