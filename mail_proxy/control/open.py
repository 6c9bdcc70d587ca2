"""Which way a one-shot command takes: the daemon's socket, else the database itself.

A SQLite file never has two writing processes: without a daemon the command holds the lock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any

from mail_proxy.config.instances import Instance
from mail_proxy.config.settings import Settings
from mail_proxy.control.base import SyncControl
from mail_proxy.control.quick import SocketControl
from mail_proxy.domain.errors import Locked, NotRunning

# A daemon that starts holds the lock while it recovers, before its socket is there.
WAIT_S = 15.0
_BETWEEN_LOOKS_S = 0.05


def _local_control(settings: Settings) -> SyncControl:
    # Here and not above: it loads the whole server, a second that live commands need not spend.
    from mail_proxy.control.local import LocalControl

    return LocalControl(settings)


def open_control(
    instance: Instance,
    load: Callable[[], Settings],
    *,
    wait_s: float = WAIT_S,
    local: Callable[[Settings], SyncControl] = _local_control,
) -> SyncControl:
    """The way to `instance`; `load` reads its settings and is called only without a daemon.

    wait_s: how long a call waits for another process that holds the database; then it raises
    Locked, which names the holder. Close before a person is asked something, as that lets go of
    the database; the next call opens again.
    """
    return _EitherControl(SocketControl(instance.socket_path), lambda: local(load()), wait_s)


class _EitherControl:
    """Looks for the daemon at each call: it may start or stop while a prompt waits."""

    def __init__(
        self, live: SocketControl, make_local: Callable[[], SyncControl], wait_s: float
    ) -> None:
        self._live = live
        self._make_local = make_local
        self._wait_s = wait_s
        self._local: SyncControl | None = None
        self._is_live = live.answers()

    @property
    def is_live(self) -> bool:
        """As of the last call, or of the opening."""
        return self._is_live

    def call(self, command: str, /, **fields: Any) -> dict[str, Any]:
        give_up_at = time.monotonic() + self._wait_s
        while True:
            try:
                return self._call_once(command, fields)
            except Locked:
                if time.monotonic() >= give_up_at:
                    raise
            time.sleep(_BETWEEN_LOOKS_S)

    def stream(self, command: str, /, **fields: Any) -> Generator[dict[str, Any], None, None]:
        return self._live.stream(command, **fields)

    def _call_once(self, command: str, fields: dict[str, Any]) -> dict[str, Any]:
        """NotRunning and Locked are both raised before a command has begun."""
        try:
            answer = self._live.call(command, **fields)
        except NotRunning:
            self._is_live = False
        else:
            self._is_live = True
            return answer
        self._local = self._local or self._make_local()
        return self._local.call(command, **fields)

    def close(self) -> None:
        self._live.close()
        if self._local is not None:
            self._local.close()
