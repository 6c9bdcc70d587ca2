"""How the start went, told once to the process that waits for it: one JSON line."""

from __future__ import annotations

import json
import os
from typing import Any

from mail_proxy.domain.errors import MailProxyError
from mail_proxy.wire.failure import failure_body


class Readiness:
    """`{"ok": true, "pid": ..., "url": ...}`, or `{"ok": false, "error": ..., "code": ...}`.

    descriptor: where the line goes; None when nobody waits. Closed after the one line.
    """

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        if descriptor is not None:
            os.set_inheritable(descriptor, False)

    @property
    def is_awaited(self) -> bool:
        """A process waits for the line, so this one is behind the terminal."""
        return self._descriptor is not None

    def started(self, url: str) -> None:
        self._tell({"ok": True, "pid": os.getpid(), "url": url})

    def refused(self, error: MailProxyError) -> None:
        self._tell(failure_body(error))

    def _tell(self, line: dict[str, Any]) -> None:
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        try:
            os.write(descriptor, json.dumps(line, default=str).encode() + b"\n")
        except BrokenPipeError:
            pass  # who waited has gone; the daemon is needed all the same
        finally:
            os.close(descriptor)
