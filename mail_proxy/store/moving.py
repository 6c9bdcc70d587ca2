"""Messages that change state on a person's word: retried, suspended, activated.

A suspension is right at once, because claims look at `suspensions`; moving the rows out of the
index, and back, goes in chunks, so that no claim waits long.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, case, delete, exists, insert, select, tuple_, update

from mail_proxy.domain.state import Event, RecipientState, State, sources
from mail_proxy.store.counting import Differences
from mail_proxy.store.indexed import by_index
from mail_proxy.store.keys import LAST_PK
from mail_proxy.store.schema import WHOLE_TENANT, messages, recipients, stored, suspensions

CHUNK = 500  # rows in one transaction, about 8 ms
_m = messages.c
_s = suspensions.c

_is_suspended = exists().where(
    _s.tenant_id == _m.tenant_id,
    (_s.batch_code == WHOLE_TENANT) | (_s.batch_code == _m.batch_code),
)


# --- retry ---


def retry_messages(conn: Connection, tenant_id: str, ids: Sequence[str], *, now: float) -> set[str]:
    """WAITING (or SUSPENDED) and due now; the ids for which RETRY was legal, and not too late."""
    found = _retryable(conn, tenant_id, ids, now)
    pks = [row.pk for row in found]
    _reopen_recipients(conn, tenant_id, [row.pk for row in found if row.state == State.FAILED])
    moved = conn.execute(
        update(messages)
        .where(_m.tenant_id == tenant_id, _m.pk.in_(pks))
        .values(
            state=case((_is_suspended, State.SUSPENDED.value), else_=State.WAITING.value),
            due_at=now,
            tries=0,
            lapses=0,
            sent_at=None,
            finished_at=None,
            held_reason=None,
            retried_at=now,
            updated_at=now,
        )
        .returning(_m.pk, _m.state)
    ).all()
    after = {row.pk: row.state for row in moved}
    _count(conn, tenant_id, [(row, after[row.pk]) for row in found])
    return {row.id for row in found}


def _retryable(
    conn: Connection, tenant_id: str, ids: Sequence[str], now: float
) -> Sequence[Row[Any]]:
    is_in_time = _m.expires_at.is_(None) | (_m.expires_at > now)
    legal = _m.state.in_(stored(sources(Event.RETRY))) & is_in_time
    columns = [_m.pk, _m.id, _m.account_id, _m.state, _m.priority]
    statement = select(*columns).where(_m.tenant_id == tenant_id, _m.id.in_(ids), legal)
    # For several ids SQLite by itself walks all rows of the tenant.
    return conn.execute(by_index(statement, messages, "messages_id")).all()


def _reopen_recipients(conn: Connection, tenant_id: str, pks: list[int]) -> None:
    r = recipients.c
    conn.execute(
        update(recipients)
        .where(
            r.tenant_id == tenant_id,
            r.message_pk.in_(pks),
            r.state == RecipientState.REFUSED.value,
            r.settled_at.is_not(None),  # not those who were refused when it was accepted
        )
        .values(state=RecipientState.PENDING.value, settled_at=None)
    )


# --- hold and free ---


def hold_messages(
    conn: Connection, tenant_id: str, ids: Sequence[str], *, reason: str, now: float
) -> None:
    """HELD, those for which HOLD is legal."""
    _turn(conn, tenant_id, ids, Event.HOLD, state=State.HELD.value, held_reason=reason, now=now)


def free_messages(conn: Connection, tenant_id: str, ids: Sequence[str], *, now: float) -> None:
    """WAITING, or SUSPENDED; the time in which it was held does not count for its age."""
    state = case((_is_suspended, State.SUSPENDED.value), else_=State.WAITING.value)
    _turn(conn, tenant_id, ids, Event.FREE, state=state, held_reason=None, retried_at=now, now=now)


def _turn(
    conn: Connection, tenant_id: str, ids: Sequence[str], event: Event, *, now: float, **values: Any
) -> None:
    columns = [_m.pk, _m.account_id, _m.state, _m.priority]
    statement = select(*columns).where(
        _m.tenant_id == tenant_id, _m.id.in_(ids), _m.state.in_(stored(sources(event)))
    )
    found = conn.execute(by_index(statement, messages, "messages_id")).all()
    moved = conn.execute(
        update(messages)
        .where(_m.tenant_id == tenant_id, _m.pk.in_([row.pk for row in found]))
        .values(updated_at=now, **values)
        .returning(_m.pk, _m.state)
    ).all()
    after = {row.pk: row.state for row in moved}
    _count(conn, tenant_id, [(row, after[row.pk]) for row in found])


# --- a clock that was set back ---


class Place(NamedTuple):
    """Where in `messages_due` the next chunk begins."""

    tenant_id: str
    account_id: str
    priority: int
    due_at: float
    pk: int = LAST_PK


def rows_to_redate(conn: Connection, place: Place) -> list[Row[Any]]:
    """The next pks, with their due_at and in its order, of what waits beyond it; a read.

    A schedule as the caller gave it is right as it is.
    """
    statement = (
        select(_m.pk, _m.due_at)
        .where(
            _m.tenant_id == place.tenant_id,
            _m.account_id == place.account_id,
            _m.priority == place.priority,
            tuple_(_m.due_at, _m.pk) > (place.due_at, place.pk),
            _m.state.in_(stored(sources(Event.CLAIM))),
            (_m.deferred_ts.is_(None)) | (_m.due_at != _m.deferred_ts),
        )
        .order_by(_m.due_at, _m.pk)
        .limit(CHUNK)
    )
    return list(conn.execute(by_index(statement, messages, "messages_due")).all())


def redate(
    conn: Connection, tenant_id: str, pks: Sequence[int], seconds: float, *, after: float
) -> None:
    """Due so much earlier, where they are still due after that time."""
    conn.execute(
        update(messages)
        .where(
            _m.tenant_id == tenant_id,
            _m.pk.in_(pks),
            _m.state.in_(stored(sources(Event.CLAIM))),
            _m.due_at > after,
        )
        .values(due_at=_m.due_at - seconds)
    )


# --- suspensions ---


def suspended_batches(conn: Connection, tenant_id: str) -> list[str]:
    """Sorted codes; `["*"]` for the whole tenant."""
    found = conn.execute(
        select(_s.batch_code).where(_s.tenant_id == tenant_id).order_by(_s.batch_code)
    )
    codes = list(found.scalars())
    return [WHOLE_TENANT] if WHOLE_TENANT in codes else codes


def add_suspension(conn: Connection, tenant_id: str, batch_code: str | None, *, now: float) -> None:
    code = batch_code or WHOLE_TENANT
    conn.execute(delete(suspensions).where(_s.tenant_id == tenant_id, _s.batch_code == code))
    conn.execute(insert(suspensions).values(tenant_id=tenant_id, batch_code=code, created_at=now))


def remove_suspension(conn: Connection, tenant_id: str, batch_code: str | None) -> bool:
    """All of a tenant's for None; False for a batch while the whole tenant is suspended."""
    theirs = delete(suspensions).where(_s.tenant_id == tenant_id)
    if batch_code is None:
        conn.execute(theirs)
        return True
    if suspended_batches(conn, tenant_id) == [WHOLE_TENANT]:
        return False
    conn.execute(theirs.where(_s.batch_code == batch_code))
    return True


def rows_to_move(
    conn: Connection, tenant_id: str, batch_code: str | None, event: Event, *, after: int
) -> list[int]:
    """The next pks beyond `after` that SUSPEND or ACTIVATE may concern, in order; a read."""
    before, _ = _ends(event)
    statement = select(_m.pk).where(
        _m.tenant_id == tenant_id, _m.pk > after, _m.state.in_(stored([before]))
    )
    if batch_code is not None:
        statement = statement.where(_m.batch_code == batch_code)
    if event is Event.ACTIVATE:
        statement = by_index(statement, messages, "messages_suspended")
    elif batch_code is not None:
        statement = by_index(statement, messages, "messages_batch")
    return list(conn.execute(statement.order_by(_m.pk).limit(CHUNK)).scalars())


def move(conn: Connection, tenant_id: str, pks: Sequence[int], event: Event, *, now: float) -> None:
    """SUSPEND or ACTIVATE those of `pks` for which it is still right.

    What is suspended is asked again, so a suspension and its end may overlap.
    """
    before, after = _ends(event)
    applies = _is_suspended if event is Event.SUSPEND else ~_is_suspended
    moved = conn.execute(
        update(messages)
        .where(_m.tenant_id == tenant_id, _m.pk.in_(pks), _m.state.in_(stored([before])), applies)
        .values(state=after.value, updated_at=now)
        .returning(_m.account_id, _m.priority)
    ).all()
    _count(conn, tenant_id, [(row, after) for row in moved], before=before)


def _ends(event: Event) -> tuple[State, State]:
    if event is Event.SUSPEND:
        return State.WAITING, State.SUSPENDED
    return State.SUSPENDED, State.WAITING


def _count(
    conn: Connection,
    tenant_id: str,
    moved: Sequence[tuple[Row[Any], str]],
    before: State | None = None,
) -> None:
    differences = Differences()
    for row, after in moved:
        differences.move(
            tenant_id,
            row.account_id,
            row.priority,
            before=row.state if before is None else before,
            after=after,
        )
    differences.write(conn)
