"""Where the dashboard gets its feeds, and how it starts a daemon; a test stands in for it."""

from __future__ import annotations

from typing import Protocol

from mail_proxy_tui.feed.base import Feed


class Sources(Protocol):
    """Called from threads: each may take its time. All raise MailProxyError."""

    def live(self) -> Feed:
        """Over the daemon; it need not run yet."""
        ...

    def resting(self) -> Feed | None:
        """From the database itself, read only; None where it is not on this machine."""
        ...

    def start(self) -> None:
        """Start the daemon; returns when it answers."""
        ...

    def last_words(self) -> str:
        """The last line of the daemon's log; empty where there is none."""
        ...
