"""What a person does with messages: each is looked at, changed where that is possible, and told.

One call is one short transaction; what is decided is decided on the rows as they are in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, insert, select

from mail_proxy.domain.actions import EXPIRED, PAST, Action, held_by, refusal
from mail_proxy.domain.state import State
from mail_proxy.store import ending, fates, moving, removing
from mail_proxy.store.conditions import conditions_anew
from mail_proxy.store.event_data import event_data
from mail_proxy.store.indexed import by_index
from mail_proxy.store.keys import next_pk
from mail_proxy.store.messages import find_messages
from mail_proxy.store.schema import events, messages
from mail_proxy.store.values.changes import Acted
from mail_proxy.store.values.messages import MessageFilter

_m = messages.c


class Act(NamedTuple):
    """What is done, when, by whom and with which request.

    is_sent: how messages in doubt are settled.
    """

    action: Action
    now: float
    by: str
    is_sent: bool = False
    request_id: str | None = None


def judge(
    conn: Connection, tenant_id: str, ids: Sequence[str], act: Act, among: MessageFilter | None
) -> list[Acted]:
    """What `change` would do; a read. Absent ones, and those not `among` any more, are left out."""
    return [_judged(row, act) for row in _rows(conn, tenant_id, ids, among)]


def change(
    conn: Connection, tenant_id: str, ids: Sequence[str], act: Act, among: MessageFilter | None
) -> list[Acted]:
    """Do it where it is possible; an event tells who did what."""
    rows = _rows(conn, tenant_id, ids, among)
    judged = [_judged(row, act) for row in rows]
    possible = [acted.id for acted in judged if not acted.reason]
    if possible:
        _CHANGES[act.action](conn, tenant_id, possible, act)
        if act.action is not Action.DELETE:
            done = [row for row, acted in zip(rows, judged, strict=True) if not acted.reason]
            note(conn, tenant_id, done, act)
    return judged


def note(
    conn: Connection,
    tenant_id: str,
    rows: Iterable[Any],
    act: Act,
    more: Mapping[int, Mapping[str, Any]] | None = None,
) -> None:
    """An event for each row, for its timeline; the application is not told. more: by pk."""
    word = PAST[act.action]
    noted = [
        {
            "tenant_id": tenant_id,
            "pk": next_pk(),
            "message_pk": row.pk,
            "message_id": row.id,
            "account_id": row.account_id,
            "priority": row.priority,
            "event_type": word,
            "event_ts": act.now,
            "description": f"{word} by {act.by}",
            "data": event_data({"by": act.by, **(more or {}).get(row.pk, {})}, act.request_id),
            "report_state": "none",
        }
        for row in rows
    ]
    conn.execute(insert(events), noted)


def _rows(
    conn: Connection, tenant_id: str, ids: Sequence[str], among: MessageFilter | None
) -> Sequence[Row[Any]]:
    columns = (_m.pk, _m.id, _m.account_id, _m.priority, _m.state, _m.expires_at)
    statement = select(*columns).where(_m.tenant_id == tenant_id, _m.id.in_(ids))
    if among is not None:
        statement = statement.where(*conditions_anew(among))
    # For several ids SQLite by itself walks all rows of the tenant.
    return conn.execute(by_index(statement, messages, "messages_id")).all()


def _judged(row: Row[Any], act: Act) -> Acted:
    state = State(row.state)
    reason = refusal(act.action, state)
    has_expired = row.expires_at is not None and row.expires_at <= act.now
    if not reason and has_expired and act.action is Action.RETRY:
        reason = EXPIRED
    return Acted(row.id, row.pk, state, reason)


def _hold(conn: Connection, tenant_id: str, ids: Sequence[str], act: Act) -> None:
    moving.hold_messages(conn, tenant_id, ids, reason=held_by(act.by), now=act.now)


def _free(conn: Connection, tenant_id: str, ids: Sequence[str], act: Act) -> None:
    moving.free_messages(conn, tenant_id, ids, now=act.now)


def _retry(conn: Connection, tenant_id: str, ids: Sequence[str], act: Act) -> None:
    moving.retry_messages(conn, tenant_id, ids, now=act.now)


def _settle(conn: Connection, tenant_id: str, ids: Sequence[str], act: Act) -> None:
    fate = fates.settled_sent if act.is_sent else fates.settled_failed
    found = find_messages(conn, tenant_id, ids, full=False)
    ending.end_messages(conn, [fate(row, now=act.now) for row in found], now=act.now)


def _delete(conn: Connection, tenant_id: str, ids: Sequence[str], _act: Act) -> None:
    removing.delete_messages(conn, tenant_id, ids)


_CHANGES: Mapping[Action, Callable[[Connection, str, Sequence[str], Act], None]] = {
    Action.HOLD: _hold,
    Action.FREE: _free,
    Action.RETRY: _retry,
    Action.SETTLE: _settle,
    Action.DELETE: _delete,
}
