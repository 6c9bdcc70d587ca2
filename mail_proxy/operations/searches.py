"""What a caller looks for, as the store understands it; and the cursors between two looks."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator

from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.filter_text import parse_filter
from mail_proxy.domain.filters import (
    Comparison,
    Field,
    Number,
    Pattern,
    Term,
    only_tenant,
    part_of,
    status_term,
)
from mail_proxy.domain.message import check_text
from mail_proxy.store.values import MessageFilter, Position
from mail_proxy.wire.messages import ListMessages


def search_of(request: ListMessages, *, now: float) -> MessageFilter:
    """The single parameters and the filter together. Raises Invalid naming the field."""
    return chosen_by(
        request.tenant_id, (*_terms(request), *parse_filter(request.filter or "")), now
    )


def chosen_by(tenant_id: str | None, terms: tuple[Term, ...], now: float) -> MessageFilter:
    """tenant_id: None for the admin, who then may name one in the filter."""
    return MessageFilter(tenant_id or only_tenant(terms), terms, now)


def _terms(request: ListMessages) -> Iterator[Term]:
    if request.active_only:
        yield from filter(None, [status_term(["open"])])
    if term := status_term((request.status or "").split(",")):
        yield term
    for field, exact in (
        (Field.ACCOUNT, request.account_id),
        (Field.BATCH, request.batch_code),
    ):
        if exact:
            yield Term(field, (Pattern((exact,)),))
    for field, part in ((Field.TO, request.to), (Field.SUBJECT, request.subject)):
        if part:
            yield Term(field, (part_of(part, field=field.value),))
    if request.since_ts is not None:
        yield Term(Field.CREATED, (Number(Comparison.AT_LEAST, request.since_ts),))
    if request.until_ts is not None:
        yield Term(Field.CREATED, (Number(Comparison.LESS, request.until_ts),))


def cursor_of(position: Position) -> str:
    """Opaque and safe in a URL."""
    return _packed(list(position))


def position_in(cursor: str) -> Position:
    """Raises Invalid for what no listing has given."""
    match _unpacked(cursor):
        case [str(tenant_id), int(priority), int(pk)] if _fit(priority, pk):
            return _tenant(tenant_id), priority, pk
    raise _not_ours()


def change_cursor(position: Position, up_to: int) -> str:
    """Where a change by filter goes on, and the last key that it is about."""
    return _packed([*position, up_to])


def place_in(cursor: str) -> tuple[Position, int]:
    """Raises Invalid for what no change has given."""
    match _unpacked(cursor):
        case [str(tenant_id), int(priority), int(pk), int(up_to)] if _fit(priority, pk, up_to):
            return (_tenant(tenant_id), priority, pk), up_to
    raise _not_ours()


def _packed(values: list[object]) -> str:
    packed = json.dumps(values, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _unpacked(cursor: str) -> object:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise _not_ours() from error


def _fit(*numbers: int) -> bool:
    return all(abs(number) < 2**63 for number in numbers)


def _tenant(tenant_id: str) -> str:
    try:
        return check_text(tenant_id, field="cursor")
    except Invalid as error:
        raise _not_ours() from error


def _not_ours() -> Invalid:
    return Invalid("cursor: not one that this command has given", field="cursor")
