"""Who asks, and what a command demands of its caller."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum


class Scope(IntEnum):
    """What a command is open to; each level may do all that the lower ones may."""

    PUBLIC = 0
    TENANT = 1  # the tenant's own rows; the admin names the tenant
    ADMIN = 2
    LOCAL = 3  # file rights on the instance: its socket, or its database


@dataclass(frozen=True, slots=True)
class Caller:
    """`tenant_id` is set for tenants only; `name` is for the audit log.

    request_id: of what is asked now; empty: whoever opens the door makes one.
    """

    scope: Scope
    tenant_id: str | None = None
    name: str = ""
    request_id: str = field(default="", compare=False)

    def asking(self, request_id: str) -> Caller:
        """The same with this request."""
        return Caller(self.scope, self.tenant_id, self.name, request_id)


NOBODY = Caller(Scope.PUBLIC, name="nobody")
ADMIN = Caller(Scope.ADMIN, name="admin")
LOCAL = Caller(Scope.LOCAL, name="local")


def tenant(tenant_id: str) -> Caller:
    return Caller(Scope.TENANT, tenant_id=tenant_id, name=f"tenant {tenant_id}")
