"""Credentials that an attachment brings: sealed beside the content, and never in it."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, select, tuple_, update

from mail_proxy.domain.errors import SecretsUnavailable
from mail_proxy.secrets import Keyring
from mail_proxy.store.indexed import by_index
from mail_proxy.store.schema import contents

SEALED = "sealed"  # in the place of `auth` in the content

_c = contents.c


def seal_auth(auth: str | None, tenant_id: str, pk: int, keyring: Keyring) -> str | None:
    """Raises SecretsUnavailable."""
    return None if auth is None else keyring.seal(auth, **_place(tenant_id, pk))


def attachment_auth(
    conn: Connection, tenant_id: str, pk: int, keyring: Keyring
) -> dict[int, dict[str, Any]]:
    """By the place of the attachment. Raises SecretsUnavailable."""
    is_it = (_c.tenant_id == tenant_id, _c.message_pk == pk, _c.auth_enc.is_not(None))
    sealed = conn.execute(select(_c.auth_enc).where(*is_it)).scalar()
    if sealed is None:
        return {}
    found = json.loads(keyring.open(sealed, **_place(tenant_id, pk)))
    return {int(place): auth for place, auth in found.items()}


def reseal_auth(
    conn: Connection, after: tuple[str, int], keyring: Keyring, *, limit: int
) -> tuple[int, tuple[str, int] | None]:
    """How many of the next rows have the new key now, and the last of them; None: no more."""
    statement = (
        select(_c.tenant_id, _c.message_pk, _c.auth_enc)
        .where(_c.auth_enc.is_not(None), tuple_(_c.tenant_id, _c.message_pk) > after)
        .order_by(_c.tenant_id, _c.message_pk)
        .limit(limit)
    )
    rows = conn.execute(by_index(statement, contents, "contents_auth")).all()
    n = 0
    for tenant_id, pk, sealed in rows:
        if not sealed.startswith(keyring.old_mark):
            continue
        try:
            value = keyring.reseal(sealed, **_place(tenant_id, pk))
        except SecretsUnavailable:
            continue  # no key of ours opens it
        is_it = (_c.tenant_id == tenant_id, _c.message_pk == pk)
        conn.execute(update(contents).where(*is_it).values(auth_enc=value))
        n += 1
    return n, ((rows[-1].tenant_id, rows[-1].message_pk) if len(rows) == limit else None)


def _place(tenant_id: str, pk: int) -> dict[str, str]:
    return {
        "table": contents.name,
        "tenant_id": tenant_id,
        "row": str(pk),
        "column": _c.auth_enc.name,
    }
