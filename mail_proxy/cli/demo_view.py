"""What `mail-proxy demo` shows: the steps, the queue as it moves, the reports, how to go on."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mail_proxy.domain.message import PRIORITY_WORDS
from mail_proxy.domain.safe_text import safe_text

_STYLES = {"sent": "green", "deferred": "yellow", "error": "red", "pending": "cyan"}
_SHAPES = {"sent": "✓ sent", "deferred": "◐ deferred", "error": "✗ error", "pending": "○ pending"}
_COLUMNS = ("ID", "PRIORITY", "STATE", "TO", "TRIES", "WHY")


class DemoView:
    """On a terminal the table moves; in a pipe it is printed when something has changed."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def step(self, what: str) -> None:
        self._console.print()
        self._console.print(Text(f"▸ {what}", style="bold"), soft_wrap=True)

    def say(self, what: str) -> None:
        self._console.print(Text(f"  {what}"), soft_wrap=True)

    @contextlib.contextmanager
    def live(self) -> Iterator[Callable[[list[dict[str, Any]]], None]]:
        """A function that shows the messages as they are now."""
        if not self._console.is_terminal:
            yield self._print_changes()
            return
        with Live(console=self._console, auto_refresh=False) as live:
            yield lambda messages: live.update(_table(messages), refresh=True)

    def _print_changes(self) -> Callable[[list[dict[str, Any]]], None]:
        seen: dict[str, str] = {}
        self.say("  ".join(_COLUMNS))

        def show(messages: list[dict[str, Any]]) -> None:
            for message in messages:
                if seen.get(message["id"]) != message["status"]:
                    seen[message["id"]] = message["status"]
                    self.say("  ".join(str(cell) for cell in _row(message)))

        return show

    def reports(self, entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            fields = {key: entry[key] for key in entry if key in _REPORTED}
            self.say("  ".join(f"{key}={safe_text(str(value))}" for key, value in fields.items()))

    def totals(self, messages: list[dict[str, Any]], received: int) -> None:
        sent = sum(message["status"] == "sent" for message in messages)
        refused = sum(message["status"] == "error" for message in messages)
        self.step(
            f"{sent} delivered, {refused} refused; the mail server counted {received} messages"
        )

    def go_on(self, name: str, tenant: str, *, is_kept: bool) -> None:
        """The next commands, as they can be typed here."""
        self.step("Go on")
        for line in _KEPT if is_kept else _NEXT:
            self.say(f"{_program()} {line.format(name=name, tenant=tenant)}")
        if is_kept:
            self.say(
                "The demo's mail server has ended: new messages wait until an account is added."
            )


_NEXT = (
    "start myserver",
    "myserver tenants add acme",
    "myserver acme accounts add",
    "myserver acme accounts check ACCOUNT",
    "myserver stats",
)
_KEPT = (
    "start {name}",
    "{name} stats",
    "{name} {tenant} messages list",
    "{name} {tenant} messages show invoice-4",
    "{name} {tenant} accounts add",
    "delete {name}",
)


def _program() -> str:
    """`mail-proxy`, or its path where a shell would not find it."""
    return "mail-proxy" if shutil.which("mail-proxy") else os.path.relpath(sys.argv[0])


_REPORTED = ("id", "sent_ts", "error_ts", "error", "deferred_ts", "deferred_reason")


def _table(messages: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), expand=True)
    for column in _COLUMNS[:-1]:
        table.add_column("  ID" if column == "ID" else column, no_wrap=True)
    table.add_column(
        _COLUMNS[-1], no_wrap=True, overflow="ellipsis", ratio=1
    )  # only this one is cut
    for message in messages:
        cells = [Text(cell) for cell in _row(message)]
        cells[0].pad_left(2)
        cells[2].stylize(_STYLES.get(message["status"], ""))
        table.add_row(*cells)
    return table


def _row(message: dict[str, Any]) -> tuple[str, ...]:
    status = message["status"]
    recipients = ", ".join(entry["address"] for entry in message["recipients"])
    return (
        safe_text(message["id"]),
        PRIORITY_WORDS[message["priority"]],
        _SHAPES.get(status, status),
        safe_text(recipients),
        str(message.get("tries", 0)),
        _why(message),
    )


def _why(message: dict[str, Any]) -> str:
    why = safe_text(message.get("error") or message.get("last_error") or "")
    if message["status"] != "deferred":
        return why
    wait = max(0, round(message["deferred_ts"] - time.time()))
    return f"{why}; next try in {wait} s"
