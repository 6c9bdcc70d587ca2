"""Which calls ask first, and what they ask. Decisions only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mail_proxy.control.request import payload_for, route_of
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.domain.units import messages
from mail_proxy.forms.questions import asks_before, question_before

# Of those that take ids or a filter: what they do, as a question begins.
_CHANGES = {
    "deleteMessages": "Delete",
    "holdMessages": "Hold",
    "freeMessages": "Free",
    "retryMessages": "Retry",
    "resendMessages": "Send once more",
    "settleMessages": "Settle",
}


def is_counted(command: str, fields: Mapping[str, Any]) -> bool:
    """Whether the question has to say how many messages a filter finds."""
    return command in _CHANGES and bool(fields.get("filter")) and not fields.get("dry_run")


def question_of(command: str, fields: Mapping[str, Any], n_found: int | None = None) -> str | None:
    """The question before a command of `wire/routes.py`; None when nothing is asked.

    n_found: how many messages its filter finds. Raises Invalid where a field is missing.
    """
    if fields.get("dry_run"):
        return None
    if is_counted(command, fields):
        what = f"the {messages(n_found)}" if n_found is not None else "all messages"
        return f"{_CHANGES[command]} {what} that match '{_short(fields['filter'])}'?"
    if command == "deleteMessages":
        return f"Delete {_named(fields.get('ids') or [])}?"
    if asks_before(command, fields):
        payload_for(route_of(command), fields)  # what is refused is not asked about
    return question_before(command, fields)


def _named(ids: list[str]) -> str:
    return f"message '{_short(ids[0])}'" if len(ids) == 1 else messages(len(ids))


def _short(value: object) -> str:
    return safe_text(value, 80)
