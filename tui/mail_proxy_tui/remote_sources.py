"""The feed of a daemon elsewhere: its URL and its token; there is no database and no log here."""

from __future__ import annotations

from pathlib import Path

from mail_proxy.domain.errors import ConfigurationError, Conflict
from mail_proxy_tui.feed.base import Feed


class RemoteSources:
    """Implements `Sources`. token_file: its first line is the token from the second time on that
    the daemon is reached for, which is when it has refused the first one."""

    def __init__(self, url: str, token: str | None, token_file: Path | None = None) -> None:
        self._url = url
        self._token = token
        self._token_file = token_file
        self._was_opened = False

    def live(self) -> Feed:
        from mail_proxy.control.http import HttpControl
        from mail_proxy_tui.feed.live import LiveFeed

        if self._was_opened and self._token_file is not None:
            self._token = _first_line(self._token_file)
        self._was_opened = True
        return LiveFeed(HttpControl(self._url, self._token))

    def resting(self) -> Feed | None:
        return None

    def start(self) -> None:
        raise Conflict(f"the daemon of {self._url} is started on its own machine")

    def last_words(self) -> str:
        return ""


def _first_line(file: Path) -> str:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read the token of {file}") from error
    return lines[0].strip() if lines else ""
