"""A control that tells each request on stderr, for `--print-http`."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

from mail_proxy.control.base import SyncControl
from mail_proxy.control.request import request_for
from mail_proxy.domain.errors import MailProxyError
from mail_proxy.repl import speech


class Told:
    """Method, path, status and time of each call; never a body, which may hold a secret."""

    def __init__(self, control: SyncControl) -> None:
        self._control = control

    @property
    def is_live(self) -> bool:
        return self._control.is_live

    def call(self, command: str, /, **fields: Any) -> dict[str, Any]:
        started_at = time.monotonic()
        status = 200
        try:
            return self._control.call(command, **fields)
        except MailProxyError as error:
            status = error.http_status
            raise
        finally:
            took_ms = (time.monotonic() - started_at) * 1000
            speech.say(f"{_line(command, fields)}  {status or '-'}  {took_ms:.0f} ms")

    def stream(self, command: str, /, **fields: Any) -> Generator[dict[str, Any], None, None]:
        speech.say(_line(command, fields))
        return self._control.stream(command, **fields)

    def close(self) -> None:
        self._control.close()


def _line(command: str, fields: dict[str, Any]) -> str:
    try:
        request = request_for(command, fields)
    except MailProxyError:
        return command
    return f"{request.method} {request.target}"
