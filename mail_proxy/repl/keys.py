"""The ids that the Tab key offers after `proxy.tenants["`: few, soon, and never in the way.

They are looked up beside the session, on a connection of their own that waits a moment only, and
kept for some seconds. What a terminal could take for more than text is not offered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mail_proxy.domain.errors import MailProxyError
from mail_proxy.domain.safe_text import is_as_it_looks, safe_text

LIMIT = 200
KEPT_S = 5.0
TIMEOUT_S = 0.3
_LONGEST = 128  # characters; nobody reads more in a menu

Look = Callable[..., Mapping[str, Any]]  # a command and its fields, at once or not at all


_this_thread = threading.local()


def menu_threads() -> ThreadPoolExecutor:
    """Threads of a prompt's menus: whoever asks in one of them is the Tab key."""
    return ThreadPoolExecutor(thread_name_prefix="mail-proxy menu", initializer=_mark_thread)


def _mark_thread() -> None:
    _this_thread.is_of_menu = True


def is_asked_by_menu() -> bool:
    """The Tab key asks, not code of the person, whose threads get what is there."""
    return getattr(_this_thread, "is_of_menu", False)


class KnownKeys:
    """The ids of one noun, and the row of each, as of a moment ago."""

    def __init__(
        self,
        look: Look,
        command: str,
        part: str,
        now: Callable[[], float] = time.monotonic,
        **fields: Any,
    ) -> None:
        """look: raises MailProxyError where it takes too long. part: of its answer, the rows."""
        self._look = look
        self._command = command
        self._part = part
        self._fields = fields
        self._now = now
        self._rows: dict[str, Mapping[str, Any]] = {}
        self._looked_at = float("-inf")
        self._looking = threading.Lock()

    def rows(self) -> Mapping[str, Mapping[str, Any]]:
        """By id, at most 200; what was known before where nobody answers in time."""
        with self._looking:  # a second thread waits that moment, and has the answer too
            if self._now() - self._looked_at >= KEPT_S:
                self._look_again()
            return self._rows

    def _look_again(self) -> None:
        try:
            answer = self._look(self._command, **self._fields)
            self._rows = offered(answer.get(self._part) or ())
        except MailProxyError:
            pass  # the person pressed Tab: there is nobody to tell
        self._looked_at = self._now()


def offered(rows: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """By id, those that may stand in a menu."""
    found: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        key = str(row.get("id", ""))
        if key and len(key) <= _LONGEST and is_as_it_looks(key):
            found[key] = KnownRow(row)
        if len(found) == LIMIT:
            break
    return found


class KnownRow(dict[str, Any]):
    """A row as the menu tells of it, beside its id."""

    def __repr__(self) -> str:
        words = [safe_text(self[key], 40) for key in _TOLD if self.get(key)]
        return "  ".join(words) or "-"


_TOLD = ("name", "status", "host", "subject", "why")
