"""What a session begins with: where it is, how the queue is, what there is to type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mail_proxy import __version__
from mail_proxy.domain.errors import MailProxyError
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.domain.units import count

NAMES = "proxy  console  new_tenant()  new_account()  new_message()  MailProxyClient"
_STATES = (
    ("waiting", "waiting"),
    ("leased", "being sent"),
    ("held", "held"),
    ("in_doubt", "in doubt"),
    ("failed", "failed"),
)


def banner(name: str, where: str, look: Callable[[], Mapping[str, Any]] | None) -> str:
    """At most five lines. look: the answer of getStats; None: no daemon runs."""
    lines = [f"{name}, {safe_text(where, 500)}; mail-proxy {__version__}"]
    if look is None:
        lines = [
            f"{name} is not running: nothing is sent. Calls go to its database, in this process.",
            f"  mail-proxy start {name}",
        ]
    else:
        lines.append(_queue(look))
    return "\n".join([*lines, NAMES, "help(proxy) · Tab completes, ids too · exit"])


def _queue(look: Callable[[], Mapping[str, Any]]) -> str:
    try:
        stats = look()
    except MailProxyError as error:
        return f"queue: {safe_text(error, 200)}"
    return queue_line(stats)


def queue_line(stats: Mapping[str, Any]) -> str:
    """The queue in a line, zeros left out."""
    totals = stats.get("by_state") or {}
    parts = [f"{count(totals[key])} {words}" for key, words in _STATES if totals.get(key)]
    if stats.get("scheduler_active") is False:
        parts.append("SUSPENDED: nothing is sent")
    return f"queue: {', '.join(parts) or 'nothing waits'}"
