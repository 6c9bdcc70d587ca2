"""What a caller looks for, as the store understands it; and the cursors between two looks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mail_proxy.domain.filter_text import parse_filter
from mail_proxy.domain.filters import (
    Comparison,
    Field,
    Number,
    Order,
    Pattern,
    Term,
    only_tenant,
    part_of,
    status_term,
)
from mail_proxy.operations.cursors import fit, not_ours, packed, tenant_in, unpacked
from mail_proxy.store.values.messages import MessageFilter, Place, Position
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


def cursor_of(order: Order, reverse: bool, place: Position | Place) -> str:
    """Opaque and safe in a URL. The order of always has the form of always."""
    if order is Order.TENANT and not reverse:
        return packed(list(place))
    return packed([order.value, reverse, *place])


def position_in(cursor: str, reverse: bool) -> Position:
    """Of the order by tenant. Raises Invalid for what no listing in this order has given."""
    match _values_in(cursor, Order.TENANT, reverse):
        case [str(tenant_id), int(priority), int(pk)] if fit(priority, pk):
            return tenant_in(tenant_id), priority, pk
    raise not_ours()


def place_in(cursor: str, order: Order, reverse: bool) -> Place:
    """The same of another order."""
    match _values_in(cursor, order, reverse):
        case [int(part), int() | float() as at, int(pk)] if fit(part, at, pk):
            return Place(part, at, pk)
    raise not_ours()


def _values_in(cursor: str, order: Order, reverse: bool) -> Any:
    values = unpacked(cursor)
    if order is Order.TENANT and not reverse:
        return values
    match values:
        case [order.value, bool(turned), *rest] if turned is reverse:
            return rest
    raise not_ours()


def change_cursor(position: Position, up_to: int) -> str:
    """Where a change by filter goes on, and the last key that it is about."""
    return packed([*position, up_to])


def change_place(cursor: str) -> tuple[Position, int]:
    """Raises Invalid for what no change has given."""
    match unpacked(cursor):
        case [str(tenant_id), int(priority), int(pk), int(up_to)] if fit(priority, pk, up_to):
            return (tenant_in(tenant_id), priority, pk), up_to
    raise not_ours()
