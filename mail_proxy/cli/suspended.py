"""What is suspended, said wherever somebody looks at a queue that does not move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mail_proxy.domain import units
from mail_proxy.domain.command_line import by_id, command_line
from mail_proxy.domain.message import WHOLE_TENANT
from mail_proxy.domain.safe_text import safe_text


def is_suspended(stats: Mapping[str, Any]) -> bool:
    """The whole instance; stats: the answer of getStats or getStatus."""
    return stats.get("scheduler_active") is False


def of_instance(name: str, stats: Mapping[str, Any]) -> Iterator[str]:
    """A sentence with the command that ends it, or none."""
    if is_suspended(stats):
        yield f"All sending of '{name}' is suspended. Let it go on: mail-proxy {name} activate"


def of_its_tenants(name: str, stats: Mapping[str, Any]) -> Iterator[str]:
    """Whether mail of the instance waits for a tenant or a batch, and how to find which."""
    n = int((stats.get("by_state") or {}).get("suspended", 0))
    if n:
        yield (
            f"{units.waiting(n)} for a suspended tenant or batch. "
            f"Which: mail-proxy {name} tenants list"
        )


def of_tenant(name: str, tenant: Mapping[str, Any]) -> Iterator[str]:
    """tenant: its record. All that may hold its mail but the instance itself."""
    tenant_id = safe_text(tenant.get("id"), 80)
    if tenant.get("active") is False:
        yield (
            f"'{tenant_id}' is inactive, its mail waits. Let it go on: "
            + command_line(name, "tenants", "update", *by_id(tenant.get("id"), "--active"))
        )
    codes = batches(tenant)
    activate = command_line(name, str(tenant.get("id")), "activate")
    if WHOLE_TENANT in codes:
        yield f"'{tenant_id}' is suspended. Let it go on: {activate}"
    elif codes:
        shown = safe_text(", ".join(codes), 200)
        yield f"Suspended batches: {shown}. Let one go on: {activate} --batch CODE"


def state_of_tenant(tenant: Mapping[str, Any]) -> str:
    """In one word."""
    if tenant.get("active") is False:
        return "inactive"
    return "suspended" if WHOLE_TENANT in batches(tenant) else "active"


_MOST_ACCOUNTS = 3  # more are a list, and `stats` has it


def of_accounts(name: str, stats: Mapping[str, Any]) -> Iterator[str]:
    """Paused accounts with the command that helps; those at a limit go on by themselves."""
    paused = stats.get("paused_accounts") or []
    for account in paused[:_MOST_ACCOUNTS]:
        tenant_id = safe_text(account.get("tenant_id"), 80)
        account_id = safe_text(account.get("account_id"), 80)
        why = (
            f": {safe_text(account['paused_reason'], 200)}" if account.get("paused_reason") else ""
        )
        yield f"Account '{account_id}' of '{tenant_id}' sends nothing now{why}"
        if account.get("do"):
            yield f"  {safe_text(account['do'], 1000)}"
    if len(paused) > _MOST_ACCOUNTS:
        n = len(paused) - _MOST_ACCOUNTS
        yield f"{n} more accounts send nothing now: mail-proxy {name} stats"


def batches(tenant: Mapping[str, Any]) -> list[str]:
    """The suspended codes of a tenant's record; `*` is everything."""
    return [code for code in str(tenant.get("suspended_batches") or "").split(",") if code]
