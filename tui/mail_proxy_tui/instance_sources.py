"""The feeds of an instance of this machine: its control socket, its database, its log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mail_proxy.config.instances import Instance
from mail_proxy.domain.errors import MailProxyError
from mail_proxy.observe.tail import last_lines
from mail_proxy_tui.feed.base import Feed


class InstanceSources:
    """Implements `Sources`. Imports what it needs when it is asked: none of it is wanted before the
    first frame."""

    def __init__(self, instance: Instance, environ: Mapping[str, str]) -> None:
        self._instance = instance
        self._environ = environ

    def live(self) -> Feed:
        from mail_proxy.control.asking import AskingControl
        from mail_proxy_tui.feed.live import LiveFeed

        return LiveFeed(AskingControl(self._instance.socket_path))

    def resting(self) -> Feed | None:
        from mail_proxy_tui.feed.at_rest import RestingFeed

        instance = self._instance
        path = self._database()
        if not path.is_file():
            return None
        return RestingFeed(instance.name, path, instance.log_path)

    def _database(self) -> Path:
        from mail_proxy.config.load import load_settings

        try:
            return load_settings(self._instance, self._environ).database_path
        except MailProxyError:  # settings that a start would refuse
            return self._instance.database_path

    def start(self) -> None:
        from mail_proxy.control.process import start_daemon

        start_daemon(self._instance, environ=self._environ)

    def last_words(self) -> str:
        lines = last_lines(self._instance.log_path, 1)
        return lines[0] if lines else ""
