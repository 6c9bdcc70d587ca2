"""From a message as it was read to its end without an attempt. Pure: no clock, no database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mail_proxy.domain.safe_text import visible
from mail_proxy.domain.state import Event, RecipientState
from mail_proxy.store.values.changes import Ending
from mail_proxy.store.values.events import NewEvent
from mail_proxy.store.values.messages import MessageRow, RecipientRow

BY_HAND_SENT = "settled by hand as sent"
BY_HAND_NOT_SENT = "settled by hand as not sent"


def given_up(row: MessageRow, error: str, *, now: float) -> Ending:
    """EXPIRE: who is still pending is refused; SENT where somebody has it already."""
    return _refused(row, error, Event.EXPIRE, Event.EXPIRE_REST, now)


def settled_sent(row: MessageRow, *, now: float) -> Ending:
    """A person says that it has arrived."""
    refused = _entries(row.recipients)
    event = _sent(BY_HAND_SENT, refused, now)
    return Ending(
        row.tenant_id,
        row.pk,
        Event.SETTLE_SENT,
        row.updated_at,
        RecipientState.ACCEPTED,
        (event,),
        reply=BY_HAND_SENT,
    )


def settled_failed(row: MessageRow, *, now: float) -> Ending:
    """A person says that it has not arrived, and is not to be sent again."""
    return _refused(row, BY_HAND_NOT_SENT, Event.SETTLE_FAILED, Event.SETTLE_SENT, now)


def _refused(row: MessageRow, error: str, whole: Event, rest: Event, now: float) -> Ending:
    """`whole` where nobody has accepted it, `rest` where somebody has."""
    refused = _entries(row.recipients, error)
    if any(r.state is RecipientState.ACCEPTED for r in row.recipients):
        told = _sent(error, refused, now)
        return Ending(row.tenant_id, row.pk, rest, row.updated_at, RecipientState.REFUSED, (told,))
    data: dict[str, Any] = {"error_ts": int(now), "error": error}
    if len(refused) > 1:
        data["refused"] = refused
    told = NewEvent("error", now, error, data, reportable=True)
    return Ending(
        row.tenant_id,
        row.pk,
        whole,
        row.updated_at,
        RecipientState.REFUSED,
        (told,),
        error=error,
    )


def _sent(description: str, refused: list[dict[str, Any]], now: float) -> NewEvent:
    """`description` is told with it: no server has said so just now."""
    data: dict[str, Any] = {"sent_ts": int(now), "description": description}
    if refused:
        data["refused"] = refused
    return NewEvent("sent", now, description, data, reportable=True)


def _entries(recipients: Iterable[RecipientRow], error: str | None = None) -> list[dict[str, Any]]:
    """Everyone who was refused; with `error` also those who are still pending."""
    entries = []
    for r in recipients:
        if r.state is RecipientState.REFUSED:
            entries.append(refusal(r.address, r.reply_code, r.reply or "refused"))
        elif r.state is RecipientState.PENDING and error is not None:
            entries.append(refusal(r.address, None, error))
    return entries


def refusal(address: str, code: int | None, error: str) -> dict[str, Any]:
    """One of the `refused` in a final report; an address that is no UTF-8 stays visible."""
    entry: dict[str, Any] = {"recipient": visible(address), "error": error}
    if code is not None:
        entry["code"] = code
    return entry
