"""The id of one request: in its header and its answer's, in log, messages and reports."""

from __future__ import annotations

import re

HEADER = "X-Request-ID"
MAX_CHARS = 64
_FIT = re.compile(r"[A-Za-z0-9._-]{1,64}")


def is_request_id(text: str) -> bool:
    """Short, and nothing that a line of a log, a header or a terminal could take for its own."""
    return _FIT.fullmatch(text) is not None
