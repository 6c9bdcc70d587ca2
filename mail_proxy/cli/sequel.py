"""What comes after messages were changed: when they go, and the command to watch them with."""

from __future__ import annotations

from collections.abc import Sequence

from mail_proxy.cli.here import Here
from mail_proxy.domain.command_line import by_id
from mail_proxy.domain.errors import MailProxyError
from mail_proxy.domain.safe_text import safe_text

_GO_NOW = frozenset({"retryMessages", "freeMessages", "resendMessages"})


def tell_sequel(found: Here, command: str, ids: Sequence[str], n_done: int) -> None:
    """ids: of what was changed or made, as far as they were named."""
    if found.options.quiet or not n_done or found.writer.format not in ("table", "plain"):
        return
    one = ids[0] if len(ids) == n_done == 1 else None
    if command in _GO_NOW:
        _tell_way(found, one)
    elif command == "holdMessages":
        which = by_id(one) if one is not None else ("--filter", "state:held")
        _hint(found, "To let go:", found.line("messages", "free", *which))


def _tell_way(found: Here, message_id: str | None) -> None:
    if message_id is None:
        waiting = found.line("messages", "list", "--status", "pending,deferred")
        _hint(found, "To watch:", waiting)
        return
    try:
        told = found.call("explainMessage", tenant_id=found.tenant_id, id=message_id)
    except MailProxyError:
        told = {}  # what was asked for is done, and has been told
    if told.get("why"):
        _hint(found, "Now:", safe_text(told["why"]))
    if told.get("do"):
        _hint(found, "Next:", safe_text(told["do"]))
    _hint(found, "To watch:", found.line("messages", "show", *by_id(message_id)))


def _hint(found: Here, label: str, text: str) -> None:
    found.writer.hint(f"{label:<11} {text}")
