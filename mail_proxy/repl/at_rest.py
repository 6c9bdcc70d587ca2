"""The ids of an instance without its daemon, for the Tab key: read from its file, which is not
changed, nor locked for longer than a look."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from mail_proxy.completion import names
from mail_proxy.config.instances import Instance
from mail_proxy.domain.errors import StoreUnavailable
from mail_proxy.repl.keys import LIMIT

_KINDS = {"listTenants": "tenant", "listAccounts": "account", "listMessages": "message"}
_TENANTS = 20  # whose accounts and messages are looked at


def known(command: str, instance: Instance, environ: Mapping[str, str]) -> dict[str, Any]:
    """The answer of a list, with ids alone. Raises StoreUnavailable where nothing can be read."""
    kind = _KINDS[command]
    path = names.database(str(instance.folder.parent), instance.name, environ)
    try:
        tenants = names.ids(path, "tenant", "", "") if path else []
        if kind == "tenant":
            return {"tenants": [{"id": id_} for id_ in tenants]}
        rows: list[dict[str, str]] = []
        for tenant in tenants[:_TENANTS]:
            rows += [{"id": i, "tenant_id": tenant} for i in names.ids(path, kind, tenant, "")]
            if len(rows) >= LIMIT:
                break
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailable(f"cannot read {path}: {error}") from error
    return {f"{kind}s": rows}
