"""Why a message is not sent yet: the nearest cause, in a few words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mail_proxy.cli import suspended, units
from mail_proxy.control.base import SyncControl

_WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Causes:
    """What may hold the messages of one tenant.

    accounts: by their ids. is_suspended, is_running: the instance. is_active: the tenant.
    """

    accounts: Mapping[str, Mapping[str, Any]]
    is_suspended: bool = False
    is_active: bool = True
    is_running: bool = True

    @classmethod
    def ask(
        cls, control: SyncControl, tenant_id: str, messages: Iterable[Mapping[str, Any]]
    ) -> Causes:
        """Three calls for any number of messages; none when no message waits."""
        if not any(message.get("state") == _WAITING for message in messages):
            return cls({})
        accounts = control.call("listAccounts", tenant_id=tenant_id)["accounts"]
        tenant = control.call("getTenant", tenant_id=tenant_id)
        status = control.call("getStatus", tenant_id=tenant_id)
        return cls(
            {str(account["id"]): account for account in accounts},
            is_suspended=suspended.is_suspended(status),
            is_active=tenant.get("active") is not False,
            is_running=control.is_live,
        )

    def why(self, message: Mapping[str, Any]) -> str | None:
        """Of a failed or a held message its own reason; None for what needs none."""
        match message.get("state"):
            case "waiting":
                return self._why_waiting(message)
            case "suspended":
                return "suspended"
            case "failed":
                return message.get("error")
            case "held" | "in_doubt":
                return message.get("held_reason") or message.get("last_error")
            case _:
                return None

    def _why_waiting(self, message: Mapping[str, Any]) -> str | None:
        account = self.accounts.get(str(message.get("account_id")))
        if account is None:
            return "its account was deleted: add it again"
        if self.is_suspended:
            return "suspended: the whole instance"
        if not self.is_active:
            return "suspended: its tenant is inactive"
        if not self.is_running:
            return "its instance is not running"
        return _of_the_account(account, message) or _of_its_own(message)


def _of_the_account(account: Mapping[str, Any], message: Mapping[str, Any]) -> str | None:
    """The pause of its account, unless its own time comes later still."""
    until = units.seconds_of(account.get("paused_until_ts"))
    next_at = units.seconds_of(message.get("deferred_ts"))
    if until is None or next_at is None or next_at > until:
        return None
    reason = account.get("paused_reason") or message.get("last_error")
    told = f"account paused until {units.local_time(until)}"
    return f"{told}: {reason}" if reason else told


def _of_its_own(message: Mapping[str, Any]) -> str | None:
    tries = message.get("tries")
    error = message.get("last_error")
    if error:
        return f"{units.tries(tries)}: {error}" if isinstance(tries, int) and tries else str(error)
    if message.get("deferred_ts") is not None:
        return f"scheduled for {units.local_time(message['deferred_ts'])}"
    return None
