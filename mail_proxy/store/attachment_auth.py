"""Credentials that an attachment brings: sealed beside the content, and never in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from sqlalchemy import Connection, select, tuple_, update

from mail_proxy.domain.attachment import Attachment
from mail_proxy.domain.errors import SecretsUnavailable
from mail_proxy.secrets import Keyring
from mail_proxy.store.indexed import by_index
from mail_proxy.store.schema import contents

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


class Opening(Protocol):
    """What opening needs of the store."""

    async def attachment_auth(self, tenant_id: str, pk: int) -> dict[int, dict[str, Any]]: ...


async def with_auth(
    store: Opening, tenant_id: str, pk: int, attachments: Sequence[Attachment]
) -> tuple[Attachment, ...]:
    """The attachments of a stored message with their own credentials, in clear.

    Nothing is read where there are none. Raises SecretsUnavailable, also where they are gone.
    """
    if not any(one.is_auth_sealed for one in attachments):
        return tuple(attachments)
    opened = await store.attachment_auth(tenant_id, pk)
    if any(one.is_auth_sealed and n not in opened for n, one in enumerate(attachments)):
        raise SecretsUnavailable("the credentials of an attachment are not there")
    return tuple(
        replace(one, auth=opened[n], is_auth_sealed=False) if one.is_auth_sealed else one
        for n, one in enumerate(attachments)
    )


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
