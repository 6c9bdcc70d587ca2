"""Rows as frozen values and back: JSON columns, and columns whose text is sealed at rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Generic, TypeVar

from pydantic_core import from_json
from sqlalchemy import Row, Table

from mail_proxy.domain.errors import SecretsUnavailable
from mail_proxy.domain.state import RecipientState, State
from mail_proxy.secrets import Keyring
from mail_proxy.store.schema import accounts, events, messages, tenants
from mail_proxy.store.values.events import EventRow
from mail_proxy.store.values.messages import MessageRow, RecipientRow
from mail_proxy.store.values.tenants import Account, Tenant

Value = TypeVar("Value", Tenant, Account)
SEALED = "_enc"  # what the name of a sealed column ends with


@dataclass(frozen=True)
class Shape(Generic[Value]):
    """How one kind of value lies in its table.

    row: the field that names a row within its tenant.
    as_json, sealed: fields kept as JSON text; fields kept as `ENC:` text in `<field>_enc`.
    """

    kind: type[Value]
    table: Table
    row: str
    as_json: frozenset[str]
    sealed: frozenset[str]

    def columns(
        self, values: Mapping[str, Any], *, tenant_id: str, row: str, keyring: Keyring
    ) -> dict[str, Any]:
        """Column values of field values. Raises ValueError for a name that is no field."""
        unknown = values.keys() - self._names()
        if unknown:
            raise ValueError(f"{self.table.name} has no {', '.join(sorted(unknown))}")
        stored = {}
        for name, value in values.items():
            text = _as_text(value) if name in self.as_json and value is not None else value
            if name not in self.sealed:
                stored[name] = text
            elif text is None:
                stored[name + SEALED] = None
            else:
                place = self._place(tenant_id, row, name)
                stored[name + SEALED] = keyring.seal(text, **place)
        return stored

    def all_columns(self, value: Value, keyring: Keyring) -> dict[str, Any]:
        """Column values of a whole value; secrets that could not be read stay as they are."""
        given = asdict(value)
        row = str(given[self.row])
        if given.pop("secret_unreadable"):
            given = {n: v for n, v in given.items() if n not in self.sealed or v is not None}
        return self.columns(given, tenant_id=value.tenant_id, row=row, keyring=keyring)

    def value(self, row: Row[Any], keyring: Keyring) -> Value:
        """The value of a row; a secret that cannot be opened is None, and told."""
        stored = dict(row._mapping)
        unreadable = False
        for name in self.sealed:
            try:
                sealed = stored.pop(name + SEALED)
                place = self._place(stored["tenant_id"], stored[self.row], name)
                stored[name] = None if sealed is None else keyring.open(sealed, **place)
            except SecretsUnavailable:
                stored[name], unreadable = None, True
        for name in self.as_json:
            if stored[name] is not None:
                stored[name] = json.loads(stored[name])
        if isinstance(stored.get("retry_delays"), list):
            stored["retry_delays"] = tuple(stored["retry_delays"])
        return self.kind(**stored, secret_unreadable=unreadable)

    def _names(self) -> set[str]:
        return {f.name for f in fields(self.kind)} - {"secret_unreadable"}

    def _place(self, tenant_id: str, row: str, name: str) -> dict[str, str]:
        column = name + SEALED
        return {"table": self.table.name, "tenant_id": tenant_id, "row": row, "column": column}


def _as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


TENANT = Shape(
    Tenant,
    tenants,
    row="tenant_id",
    as_json=frozenset(
        {
            *("client_auth", "webhook_secrets", "rate_limits", "large_file_config"),
            *("attachment_folders", "storage_auth"),
        }
    ),
    sealed=frozenset({"client_auth", "webhook_secrets", "storage_auth"}),
)
ACCOUNT = Shape(
    Account,
    accounts,
    row="account_id",
    as_json=frozenset({"retry_delays", "capabilities", "oauth2"}),
    sealed=frozenset({"password", "imap_password", "oauth2"}),
)

MESSAGE_COLUMNS = [c for c in messages.c if c.name in {f.name for f in fields(MessageRow)}]
EVENT_COLUMNS = [events.c[f.name] for f in fields(EventRow)]
_DATA = EVENT_COLUMNS.index(events.c.data)


def message_row(row: Row[Any], **parts: Any) -> MessageRow:
    """A message; `parts` are its recipients, content and events."""
    stored = dict(row._mapping)
    stored["state"] = State(stored["state"])
    return MessageRow(**stored, **parts)


def event_row(row: Row[Any]) -> EventRow:
    """`row` has EVENT_COLUMNS; a thousand of them go into one report."""
    values = list(row)
    values[_DATA] = from_json(values[_DATA])
    return EventRow(*values)


def recipient_row(row: Row[Any]) -> RecipientRow:
    return RecipientRow(
        position=row.position,
        address=row.address,
        state=RecipientState(row.state),
        reply_code=row.reply_code,
        reply=row.reply,
    )
