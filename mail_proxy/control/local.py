"""An instance without its daemon: `MailProxy` in this process, its loops not running.

Loads the whole server; `open` imports it only when no daemon answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from mail_proxy.config.lock import DatabaseLock
from mail_proxy.config.settings import Settings
from mail_proxy.control.request import payload_for, route_of
from mail_proxy.domain.errors import NotRunning, SecretsUnavailable
from mail_proxy.observe.log import warnings_also_in
from mail_proxy.proxy import MailProxy
from mail_proxy.wire.caller import LOCAL


@dataclass(frozen=True, slots=True)
class _Opened:
    proxy: MailProxy
    runner: asyncio.Runner
    closing: ExitStack


class LocalControl:
    """A SyncControl on the store itself.

    The first call takes the database lock and opens the store; `close` lets go of both, and the
    next call takes them again. So close before a person is asked something: a daemon could not
    start meanwhile.
    """

    is_live = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened: _Opened | None = None

    def call(self, command: str, /, **fields: Any) -> dict[str, Any]:
        """Raises Locked when another process has the database, and what the command fails with."""
        route = route_of(command)
        if route.streams:
            self.stream(command)
        payload = payload_for(route, fields)
        opened = self._opened = self._opened or _open(self._settings)
        if route.name == "getToken":
            _refuse_own_token(opened.proxy)
        return opened.runner.run(opened.proxy.handle_command(route.name, payload, LOCAL))

    def stream(
        self,
        command: str,  # noqa: ARG002 - as every SyncControl
        /,
        **fields: Any,  # noqa: ARG002 - likewise
    ) -> Generator[dict[str, Any], None, None]:
        """Nothing happens while no daemon runs. Raises NotRunning."""
        raise NotRunning(
            "no daemon runs that could tell what happens",
            hint=f"mail-proxy start {self._settings.name}",
        )

    def close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.closing.close()


def _refuse_own_token(proxy: MailProxy) -> None:
    """Without its key the stored token cannot be read, and ours is in force nowhere."""
    if proxy.has_new_token and proxy.secrets_problem:
        raise SecretsUnavailable(
            f"the admin token cannot be read: {proxy.secrets_problem}",
            hint=f"put the key back, or: mail-proxy start {proxy.settings.name}",
        )


def _open(settings: Settings) -> _Opened:
    with ExitStack() as closing:
        lock = DatabaseLock(settings.database_path)
        lock.acquire("command")
        closing.callback(lock.release)
        runner = closing.enter_context(asyncio.Runner())
        # What a dead daemon left in doubt is told where its own lines are: no terminal shows it.
        with warnings_also_in(settings.log_path, as_json=settings.log_format == "json"):
            proxy = runner.run(MailProxy.open(settings))
        closing.callback(lambda: runner.run(proxy.close()))
        return _Opened(proxy, runner, closing.pop_all())
