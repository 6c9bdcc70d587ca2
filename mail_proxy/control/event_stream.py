"""Server-sent events, read from the bytes of an answer. Standard library only: the CLI loads it."""

from __future__ import annotations

import json
from typing import Any

from mail_proxy.domain.errors import MailProxyError

KIND = "text/event-stream"


class EventReader:
    """Bytes in, as they come; events out.

    Each is the object in its `data`, with the `id` that came with it as `stream_id`.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._id: int | None = None

    def feed(self, part: bytes) -> list[dict[str, Any]]:
        """The events that are whole now. Raises MailProxyError for what a daemon does not send."""
        *lines, self._rest = (self._rest + part).split(b"\n")
        return [event for line in lines if (event := self._line(line.rstrip(b"\r"))) is not None]

    def _line(self, line: bytes) -> dict[str, Any] | None:
        if not line:
            return self._ended()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"id" and value.isdigit():
            self._id = int(value)
        return None

    def _ended(self) -> dict[str, Any] | None:
        data, self._data = b"\n".join(self._data), []
        number, self._id = self._id, None
        if not data:
            return None
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict):
            raise MailProxyError("the daemon's events are not JSON: is this a mail-proxy?")
        return event if number is None else {**event, "stream_id": number}
