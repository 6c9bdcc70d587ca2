"""New messages of old ones: their ids are chosen, and they are accepted, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from secrets import token_hex
from typing import TypeAlias

from sqlalchemy import Connection, select

from mail_proxy.domain.actions import ID_TAKEN, refusal
from mail_proxy.store.acting import Act, note
from mail_proxy.store.answers import keep_answer
from mail_proxy.store.indexed import by_index
from mail_proxy.store.messages import find_by_pks
from mail_proxy.store.schema import messages
from mail_proxy.store.values.changes import Acted, Copy, KeepCopies
from mail_proxy.store.values.intake import Accepted, NewMessage
from mail_proxy.store.values.messages import MessageRow

Accept: TypeAlias = Callable[[Connection, NewMessage], Accepted]
MARK = "-r"
MAX_BASE_CHARS = 240  # of an id that is continued
MAX_DOUBLINGS = 30
_m = messages.c


def copy_messages(
    conn: Connection,
    tenant_id: str,
    copies: Sequence[Copy],
    act: Act,
    accept: Accept,
    keep: KeepCopies | None = None,
) -> list[Acted]:
    """Accept them; `new_id` tells the id of each, `<id>-r<n>` where none was given."""
    originals = {row.pk: row for row in find_by_pks(conn, tenant_id, [c.pk for c in copies])}
    there = [copy for copy in copies if copy.pk in originals]
    acted = [_copied(conn, originals[copy.pk], copy, act, accept) for copy in there]
    kept = None if keep is None else keep(acted)
    if kept is not None:
        keep_answer(conn, kept)
    return acted


def _copied(conn: Connection, original: MessageRow, copy: Copy, act: Act, accept: Accept) -> Acted:
    acted = Acted(original.id, original.pk, original.state, refusal(act.action, original.state))
    if acted.reason:
        return acted
    new_id = copy.new_id or _next_id(conn, original)
    if copy.new_id and _is_there(conn, original.tenant_id, copy.new_id):
        return replace(acted, reason=ID_TAKEN)
    message = replace(copy.message, id=new_id)
    accepted = accept(conn, message)
    if accepted.reason:
        return replace(acted, reason=accepted.reason)
    made = find_by_pks(conn, original.tenant_id, [accepted.pk])
    note(
        conn,
        original.tenant_id,
        [original, *made],
        act,
        {original.pk: {"new_id": new_id}, accepted.pk: {"of_id": original.id}},
    )
    return replace(acted, new_id=new_id)


def _next_id(conn: Connection, original: MessageRow) -> str:
    """A free `<id>-r<n>`: the one after the last, where none between was removed.

    A few probes of the index, however many there are: by doubling, then by halving.
    """
    base = original.id[:MAX_BASE_CHARS] + MARK

    def is_taken(n: int) -> bool:
        return _is_there(conn, original.tenant_id, f"{base}{n}")

    doubled = (1 << power for power in range(MAX_DOUBLINGS))
    free = next((n for n in doubled if not is_taken(n)), None)
    if free is None:  # somebody has named messages so
        return base + token_hex(6)
    taken = free // 2  # 0 counts as taken
    while free - taken > 1:
        between = (taken + free) // 2
        taken, free = (between, free) if is_taken(between) else (taken, between)
    return f"{base}{free}"


def _is_there(conn: Connection, tenant_id: str, id_: str) -> bool:
    found = select(_m.pk).where(_m.tenant_id == tenant_id, _m.id == id_)
    return conn.execute(by_index(found, messages, "messages_id")).first() is not None
