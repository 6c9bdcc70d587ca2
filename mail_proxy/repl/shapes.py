"""How the answer of a command looks: which list it is, and the columns of that list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mail_proxy.repl.results import ToRow
from mail_proxy.tables import lists
from mail_proxy.tables.columns import Column, show_local_time, show_object

PAGE = 100  # rows of one request


@dataclass(frozen=True, slots=True)
class ListShape:
    """A list in an answer.

    is_paged: it takes `limit` and `cursor`. is_counted: and `count`.
    """

    columns: Sequence[Column] = ()
    to_row: ToRow = dict
    is_paged: bool = False
    is_counted: bool = False


def _event_row(event: Mapping[str, Any]) -> dict[str, Any]:
    data = event.get("event_data") or {}
    return {**event, "what": {key: value for key, value in data.items() if value is not None}}


_WITH_TENANT = Column("tenant_id", "tenant", drop=5)
_EVENTS = (
    Column("event_ts", "time", show_local_time),
    Column("event_type", "event"),
    Column("what", "", show_object),
)

LISTS: dict[str, ListShape] = {
    "listMessages": ListShape(
        (lists.MESSAGES[0], _WITH_TENANT, *lists.MESSAGES[1:]), lists.message_row, True, True
    ),
    "getMessageEvents": ListShape(_EVENTS, _event_row),
    "listAccounts": ListShape((lists.ACCOUNTS[0], _WITH_TENANT, *lists.ACCOUNTS[1:])),
    "listTenants": ListShape(lists.TENANTS, lists.tenant_row),
    "listTenantKeys": ListShape(lists.KEYS),
    "listReports": ListShape(lists.REPORTS, is_paged=True),
    "getSyncStatus": ListShape(lists.SYNC_STATUS),
    "listSuppressions": ListShape((*lists.SUPPRESSIONS, _WITH_TENANT), is_paged=True),
    "listCommands": ListShape(lists.COMMANDS),
}
