"""What was typed, for the next session: a file of the instance's folder, 0600.

A line that may hold a secret is remembered until the session ends, and never written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit.history import FileHistory

from mail_proxy.private_files import open_to_append

KEPT_BYTES = 1 << 20

_SECRET = re.compile(
    r"passw|secret|token|api_?key|private|credential|mp_[A-Za-z0-9_-]{16}|whsec_|://[^/\s@]*:[^/\s@]*@",
    re.IGNORECASE,
)


def holds_secret(text: str) -> bool:
    """Whether a text names a secret, or looks like one."""
    return bool(_SECRET.search(text))


class PrivateHistory(FileHistory):
    """The history file. Raises OSError where it cannot be made, or is a link."""

    def __init__(self, path: Path) -> None:
        os.close(open_to_append(path))  # 0600 also where an older one was not
        _shorten(path)
        super().__init__(str(path))

    def store_string(self, string: str) -> None:
        if not holds_secret(string):
            super().store_string(string)

    def load_history_strings(self) -> Iterable[str]:
        return [text for text in super().load_history_strings() if not holds_secret(text)]


def _shorten(path: Path) -> None:
    """The newer half of a file that has become large."""
    if path.stat().st_size <= KEPT_BYTES:
        return
    rest = path.read_bytes()[-KEPT_BYTES // 2 :]
    start = rest.find(b"\n#")  # an entry begins with its time
    path.write_bytes(rest[start + 1 :] if start >= 0 else b"")
