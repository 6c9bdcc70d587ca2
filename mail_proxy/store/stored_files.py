"""Files that mails have links to: a row is the intent to have an object, and then its record."""

from __future__ import annotations

from dataclasses import asdict, fields

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    case,
    delete,
    exists,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from mail_proxy.domain.state import FINAL
from mail_proxy.domain.stored_file import FileState, StoredFile
from mail_proxy.store.instance import forget_setting
from mail_proxy.store.removing import MESSAGE_CHUNK
from mail_proxy.store.schema import messages, stored, stored_files

NOBODY = ""  # the tenant of files whose own is deleted
_f = stored_files.c
_COLUMNS = [_f[field.name] for field in fields(StoredFile)]


def add_stored_file(conn: Connection, file: StoredFile) -> bool:
    conn.execute(insert(stored_files).values({**asdict(file), "state": file.state.value}))
    return True


def stored_files_of(conn: Connection, tenant_id: str, message_pk: int) -> list[StoredFile]:
    """Of one message, oldest first."""
    statement = (
        select(*_COLUMNS)
        .where(_f.tenant_id == tenant_id, _f.message_pk == message_pk)
        .order_by(_f.created_at, _f.file_id)
    )
    return [_value(row) for row in conn.execute(statement)]


def find_stored_file(conn: Connection, file_id: str) -> StoredFile | None:
    row = conn.execute(select(*_COLUMNS).where(_f.file_id == file_id)).first()
    return None if row is None else _value(row)


def file_ready(conn: Connection, tenant_id: str, file_id: str, *, expires_at: float) -> bool:
    """It is whole, and its links are good until then, or later. False: it is being removed."""
    later = case((_f.expires_at > expires_at, _f.expires_at), else_=expires_at)
    is_ready = _f.state == FileState.READY.value
    statement = (
        update(stored_files)
        .where(*_is_file(tenant_id, file_id), _f.state != FileState.REMOVING.value)
        .values(state=FileState.READY.value, expires_at=case((is_ready, later), else_=expires_at))
    )
    return bool(conn.execute(statement).rowcount)


def note_download(
    conn: Connection, tenant_id: str, file_id: str, *, now: float, expires_at: float | None
) -> None:
    """The first one is noted; it may end the file's time at `expires_at`."""
    sooner: ColumnElement[float | None] = _f.expires_at
    if expires_at is not None:
        sooner = case((_f.expires_at < expires_at, _f.expires_at), else_=expires_at)
    statement = (
        update(stored_files)
        .where(*_is_file(tenant_id, file_id))
        .where(_f.downloaded_at.is_(None), _f.state == FileState.READY.value)
        .values(downloaded_at=now, expires_at=sooner)
    )
    conn.execute(statement)


def expired_files(conn: Connection, *, now: float, limit: int) -> list[StoredFile]:
    """Those whose time has come, the first first."""
    statement = (
        select(*_COLUMNS)
        .where(_f.expires_at <= now)
        .order_by(_f.expires_at, _f.tenant_id, _f.file_id)
        .limit(limit)
    )
    return [_value(row) for row in conn.execute(statement)]


def end_file(conn: Connection, tenant_id: str, file_id: str, *, now: float) -> None:
    is_it = _is_file(tenant_id, file_id)
    conn.execute(update(stored_files).where(*is_it).values(expires_at=now))


def begin_removal(conn: Connection, tenant_id: str, file_id: str, *, now: float) -> bool:
    """False: it has more time by now, or its message lives and may still be sent."""
    statement = (
        update(stored_files)
        .where(*_is_file(tenant_id, file_id), _f.expires_at <= now)
        .where(or_(_f.state != FileState.UPLOADING.value, ~_message_lives()))
        .values(state=FileState.REMOVING.value)
    )
    return bool(conn.execute(statement).rowcount)


def postpone_file(conn: Connection, tenant_id: str, file_id: str, *, now: float, at: float) -> None:
    """Look at it again then, unless it has got more time meanwhile."""
    is_it = (*_is_file(tenant_id, file_id), _f.expires_at <= now)
    conn.execute(update(stored_files).where(*is_it).values(expires_at=at))


def forget_file(conn: Connection, tenant_id: str, file_id: str) -> None:
    """Its object is gone."""
    is_it = (*_is_file(tenant_id, file_id), _f.state == FileState.REMOVING.value)
    conn.execute(delete(stored_files).where(*is_it))


def drop_stored_files(
    conn: Connection, tenant_id: str, *, dropped_as: str | None, now: float
) -> bool:
    """Its tenant is deleted: some of its files are to be removed. False when there are no more."""
    some = select(_f.file_id).where(_f.tenant_id == tenant_id).limit(MESSAGE_CHUNK)
    is_one = tuple_(_f.tenant_id, _f.file_id).in_(
        [(tenant_id, file_id) for file_id in conn.execute(some).scalars()]
    )
    gone = {
        "tenant_id": NOBODY,
        "state": FileState.REMOVING.value,
        "expires_at": now,
        "dropped_as": dropped_as,
    }
    return bool(conn.execute(update(stored_files).where(is_one).values(gone)).rowcount)


def forget_dropped(conn: Connection, dropped_as: str) -> None:
    """The credentials of a deleted tenant, once none of its files is still to be removed."""
    left = select(_f.file_id).where(_f.tenant_id == NOBODY, _f.dropped_as == dropped_as)
    if conn.execute(left.limit(1)).first() is None:
        forget_setting(conn, dropped_as)


def _is_file(tenant_id: str, file_id: str) -> tuple[ColumnElement[bool], ...]:
    return _f.tenant_id == tenant_id, _f.file_id == file_id


def _message_lives() -> ColumnElement[bool]:
    m = messages.c
    return exists().where(
        and_(m.tenant_id == _f.tenant_id, m.pk == _f.message_pk, m.state.not_in(stored(FINAL)))
    )


def _value(row: Row[tuple[object, ...]]) -> StoredFile:
    found = dict(row._mapping)
    return StoredFile(**{**found, "state": FileState(found["state"])})
