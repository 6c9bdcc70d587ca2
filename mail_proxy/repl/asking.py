"""One call of the REPL: ask the person where it does damage, run it, keep what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mail_proxy.control.base import SyncControl
from mail_proxy.domain.errors import MailProxyError, RejectedBatch
from mail_proxy.repl import danger
from mail_proxy.repl.drawn import Screen
from mail_proxy.repl.results import Page, Record, Row, Table
from mail_proxy.repl.shapes import LISTS, PAGE, ListShape

Confirm = Callable[[str], bool]


class Declined(MailProxyError):
    """The person said no, or nobody could be asked; nothing was changed."""

    code = "declined"


class Asker:
    """What the nouns of `proxy` call. `last_error`: of the last call that failed."""

    def __init__(self, control: SyncControl, screen: Screen, confirm: Confirm | None) -> None:
        """confirm: puts a question; None: nobody is there, and only `yes=True` answers."""
        self._control = control
        self.screen = screen
        self._confirm = confirm
        self.last_error: Record | None = None

    def __call__(self, command: str, fields: Mapping[str, Any], part: str | None) -> Any:
        wanted = dict(fields)
        is_sure = bool(wanted.pop("yes", False))
        if not is_sure:
            self._ask_first(command, wanted)
        shape = LISTS.get(command)
        if part is None or part in _ONE:
            answer = self._run(command, wanted)
            return Record(answer if part is None else answer[part], self.screen)
        shape = shape or ListShape()
        page = self._page(command, wanted, part, shape)
        return Table(page, self.screen, shape.columns, shape.to_row)

    def _ask_first(self, command: str, fields: dict[str, Any]) -> None:
        n_found = None
        if danger.is_counted(command, fields):
            n_found = _n_found(self._run(command, {**fields, "dry_run": True}))
        question = danger.question_of(command, fields, n_found)
        if question is None:
            return
        if self._confirm is None:
            raise Declined(f"{question} Nobody can be asked here: give yes=True")
        if not self._confirm(question):
            raise Declined("cancelled, nothing was changed")

    def _page(self, command: str, fields: dict[str, Any], part: str, shape: ListShape) -> Page:
        is_open = shape.is_paged and fields.get("limit") is None  # the list has no end of its own
        wanted = {**fields, "limit": PAGE} if is_open else fields
        if is_open and shape.is_counted and "cursor" not in fields:
            wanted["count"] = True
        answer = self._run(command, wanted)
        rows: list[Row] = answer[part]
        cursor = answer.get("next_cursor") if is_open else None
        if not cursor:
            return Page(rows)
        counted = answer.get("count")  # of all that the filter finds, where it is told
        return Page(
            rows,
            lambda: self._page(command, {**fields, "cursor": cursor}, part, shape),
            None if counted is None else max(0, counted - len(rows)),
            bool(answer.get("count_is_bounded")),
        )

    def _run(self, command: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return self._control.call(command, **fields)
        except MailProxyError as error:
            if getattr(error, "field", None) == "tenant_id" and not fields.get("tenant_id"):
                error.hint = error.hint or 'name the tenant: tenant_id="acme"'
            self.last_error = error_record(error, command, self.screen)
            raise


_ONE = frozenset({"message", "account", "report"})  # parts of an answer that are one thing


def _n_found(answer: Mapping[str, Any]) -> int | None:
    counts = answer.get("counts")
    found = counts.get("done") if isinstance(counts, Mapping) else answer.get("removed")
    return found if isinstance(found, int) else None


def error_record(error: MailProxyError, command: str, screen: Screen) -> Record:
    """All that is known of a failure."""
    values = {
        "error": str(error),
        "command": command,
        "code": error.code,
        "status": error.http_status or None,
        "field": getattr(error, "field", None),
        "hint": error.hint,
        "request_id": error.request_id or None,
        "detail": error.detail if error.detail != str(error) else None,
    }
    return Record({name: value for name, value in values.items() if value is not None}, screen)


def error_line(error: MailProxyError) -> str:
    """What went wrong, and the HTTP status that told of it."""
    status = f" (HTTP {error.http_status})" if error.http_status else ""
    return f"{error}{_why(error)}{status}"


def _why(error: MailProxyError) -> str:
    """Of a batch, what is wrong with its first message."""
    if not isinstance(error, RejectedBatch) or not error.rejected:
        return ""
    first, n_more = error.rejected[0], len(error.rejected) - 1
    more = f"; {n_more} more in proxy.last_error" if n_more else ""
    return f": '{first.get('id')}': {first.get('reason')}{more}"
