"""A control that tells of each call, for `-v` and `--print-http`."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from mail_proxy.control.base import SyncControl
from mail_proxy.domain.errors import MailProxyError


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that has ended, or a stream that begins. Fields may hold a secret.

    took_s: None of a stream. is_live: a daemon answered. error: what it failed with.
    """

    command: str
    fields: dict[str, Any]
    is_live: bool
    took_s: float | None = None
    error: MailProxyError | None = None


class ToldControl:
    """A SyncControl that hands on what it is asked."""

    def __init__(
        self,
        control: SyncControl,
        tell: Callable[[Asked], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._control = control
        self._tell = tell
        self._clock = clock

    @property
    def is_live(self) -> bool:
        return self._control.is_live

    def call(self, command: str, /, **fields: Any) -> dict[str, Any]:
        began = self._clock()
        try:
            answer = self._control.call(command, **fields)
        except MailProxyError as error:
            self._tell(Asked(command, fields, self.is_live, self._clock() - began, error))
            raise
        self._tell(Asked(command, fields, self.is_live, self._clock() - began))
        return answer

    def stream(self, command: str, /, **fields: Any) -> Generator[dict[str, Any], None, None]:
        self._tell(Asked(command, fields, self.is_live))
        return self._control.stream(command, **fields)

    def close(self) -> None:
        self._control.close()
