"""The four labels of whatever is counted by account: a contract with dashboards that exist."""

from __future__ import annotations

from typing import NamedTuple

LABELS = ("tenant_id", "tenant_name", "account_id", "account_name")
MISSING = "default"  # a label without a value


class Labels(NamedTuple):
    """Whose mail it is; made by `MailMetrics.declare` or `labels`, and worth keeping."""

    tenant_id: str
    tenant_name: str
    account_id: str


def labels(
    tenant_id: str | None = None, tenant_name: str | None = None, account_id: str | None = None
) -> Labels:
    """Labels in which what is missing is `default`."""
    return Labels(_label(tenant_id), _label(tenant_name), _label(account_id))


def _label(value: str | None) -> str:
    # A lone surrogate would make every later rendering fail.
    return value.encode("utf-8", "replace").decode("utf-8") if value else MISSING
