"""The store: `open_store` gives a `MailProxyDb`, which is the `Store` protocol of `base`.

Verbs are whole operations; the values that they take and return are here too.
"""

from mail_proxy.store.acting import Act
from mail_proxy.store.base import Store
from mail_proxy.store.db import MailProxyDb
from mail_proxy.store.open import open_store
from mail_proxy.store.values import (
    Accepted,
    Account,
    Acted,
    ApiKey,
    Claim,
    Claimed,
    Copy,
    Daemon,
    Ending,
    EventRow,
    Fields,
    Lease,
    MessageFilter,
    MessageRow,
    NewEvent,
    NewMessage,
    Outcome,
    Peer,
    PendingRecipient,
    Position,
    ReadyAccount,
    RecipientResult,
    RecipientRow,
    Rejected,
    SyncState,
    Tenant,
)

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
    "Found",
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
