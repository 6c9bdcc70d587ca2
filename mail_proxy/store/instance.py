"""Settings of the instance; the same for both databases."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from mail_proxy.domain.errors import SecretsUnavailable
from mail_proxy.secrets import Keyring
from mail_proxy.store.schema import instance

KEY_CHECK = "encryption_check"  # tells a wrong key from the one the secrets were sealed with
_SEALED = "ENC:"  # no JSON text begins like this


def get_setting(conn: Connection, name: str, keyring: Keyring) -> Any:
    """The value; None when there is none, or when it is sealed with a key that is lost."""
    stored = conn.execute(select(instance.c.value).where(instance.c.name == name)).scalar()
    return None if stored is None else _opened(name, stored, keyring)


def set_setting(conn: Connection, name: str, value: Any, *, secret: bool, keyring: Keyring) -> None:
    text = json.dumps(value, ensure_ascii=False)
    if secret:
        text = keyring.seal(text, **_place(name))
    changed = conn.execute(update(instance).where(instance.c.name == name).values(value=text))
    if not changed.rowcount:
        conn.execute(insert(instance).values(name=name, value=text))


def forget_setting(conn: Connection, name: str) -> None:
    conn.execute(delete(instance).where(instance.c.name == name))


def settings(conn: Connection, keyring: Keyring) -> dict[str, Any]:
    """All of them, by name."""
    rows = conn.execute(select(instance).order_by(instance.c.name)).all()
    return {row.name: _opened(row.name, row.value, keyring) for row in rows}


def reseal_settings(conn: Connection, keyring: Keyring) -> int:
    """Seal them with the key of now; how many were sealed with the old one."""
    n = 0
    is_old = instance.c.value.startswith(keyring.old_mark)
    for name, value in conn.execute(select(instance.c.name, instance.c.value).where(is_old)).all():
        try:
            sealed = keyring.reseal(value, **_place(name))
        except SecretsUnavailable:
            continue  # no key of ours opens it
        conn.execute(update(instance).where(instance.c.name == name).values(value=sealed))
        n += 1
    return n


def _opened(name: str, stored: str, keyring: Keyring) -> Any:
    if stored.startswith(_SEALED):
        try:
            stored = keyring.open(stored, **_place(name))
        except SecretsUnavailable:
            return None
    return json.loads(stored)


def _place(name: str) -> dict[str, str]:
    return {"table": "instance", "tenant_id": "", "row": name, "column": "value"}
