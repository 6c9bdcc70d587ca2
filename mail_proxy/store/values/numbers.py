"""The queue in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from mail_proxy.domain.state import State


class AccountPause(NamedTuple):
    """An account that is not used now. paused_until: of a limit or a fault; stopped_at: of a
    person's pause. auth_method: `password` or `oauth2`."""

    tenant_id: str
    account_id: str
    paused_until: float | None
    paused_reason: str | None
    stopped_at: float | None
    stopped_reason: str | None
    auth_method: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The queue of a tenant, or of all.

    totals: (state, priority, n), where there are some. deferred: of the waiting ones those that
    are not due or whose account is paused, by priority; is_deferred_bounded: there are more than
    were counted.
    oldest_waiting_at: created_at of the oldest due one. next_due_at: when the next becomes due.
    """

    totals: list[tuple[State, int, int]]
    deferred: dict[int, int]
    is_deferred_bounded: bool
    oldest_waiting_at: float | None
    next_due_at: float | None
    paused: list[AccountPause]


@dataclass(frozen=True, slots=True)
class AccountUse:
    """claimed: messages that are on their way. sent: window in seconds -> booked in it; only where
    there is a limit."""

    claimed: int
    sent: dict[int, int]
