"""`-v`: each step that a command asks of the instance is told on stderr, with its time."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any

from mail_proxy.control.base import SyncControl
from mail_proxy.domain.errors import MailProxyError


class NarratedControl:
    """A SyncControl that says what it does; never a value of a field, as some are secret.

    shows_route: the request of the HTTP API that does the same is told too.
    """

    def __init__(
        self,
        control: SyncControl,
        say: Callable[[str], None],
        *,
        shows_route: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._control = control
        self._say = say
        self._shows_route = shows_route
        self._clock = clock

    @property
    def is_live(self) -> bool:
        return self._control.is_live

    def call(self, command: str, /, **fields: Any) -> dict[str, Any]:
        began = self._clock()
        try:
            answer = self._control.call(command, **fields)
        except MailProxyError as error:
            self._tell(command, error.code, began)
            raise
        self._tell(command, "ok", began)
        return answer

    def stream(self, command: str, /, **fields: Any) -> Generator[dict[str, Any], None, None]:
        self._say(f"{self._name(command)}: listening to the daemon")
        return self._control.stream(command, **fields)

    def close(self) -> None:
        self._control.close()

    def _tell(self, command: str, outcome: str, began: float) -> None:
        way = "by the daemon" if self._control.is_live else "in the database itself, no daemon runs"
        ms = (self._clock() - began) * 1000
        self._say(f"{self._name(command)}: {outcome}, {way}, {ms:.0f} ms")

    def _name(self, command: str) -> str:
        if not self._shows_route:
            return command
        from mail_proxy.control.request import route_of

        route = route_of(command)
        return f"{command} ({route.method} {route.path})"
