"""What is suspended, said wherever somebody looks at a queue that does not move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mail_proxy.domain import units
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
    path = f"mail-proxy {name}"
    if tenant.get("active") is False:
        yield (
            f"'{tenant_id}' is inactive, its mail waits. "
            f"Let it go on: {path} tenants update {tenant_id} --active"
        )
    codes = batches(tenant)
    if WHOLE_TENANT in codes:
        yield f"'{tenant_id}' is suspended. Let it go on: {path} {tenant_id} activate"
    elif codes:
        shown = safe_text(", ".join(codes), 200)
        yield (
            f"Suspended batches: {shown}. Let one go on: {path} {tenant_id} activate --batch CODE"
        )


def batches(tenant: Mapping[str, Any]) -> list[str]:
    """The suspended codes of a tenant's record; `*` is everything."""
    return [code for code in str(tenant.get("suspended_batches") or "").split(",") if code]
