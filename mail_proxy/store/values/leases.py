"""Who holds messages."""

from __future__ import annotations

from dataclasses import dataclass

from mail_proxy.store.values.queue import Claimed


@dataclass(frozen=True, slots=True)
class Daemon:
    """A process that serves the instance. boot_id: of the machine's run; empty where not known."""

    daemon_id: str
    boot_id: str
    host: str
    started_at: float


@dataclass(frozen=True, slots=True)
class Peer:
    """Another daemon that holds leases; `renewals` grows while it lives."""

    daemon_id: str
    renewals: int


@dataclass(frozen=True, slots=True)
class Lease:
    """A message that is leased, without its content, and to whom."""

    daemon_id: str
    message: Claimed
