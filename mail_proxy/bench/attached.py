"""A message of the benchmark with one attachment, as an application posts it."""

from __future__ import annotations

import json
from base64 import b64encode
from functools import lru_cache
from hashlib import md5

from mail_proxy.bench.files import content
from mail_proxy.bench.letter import RECIPIENT, SENDER

LINE_OCTETS = 57  # of content in one line of base64 (RFC 2045 section 6.8)


def posted_with(number: int, account: str, path: str, *, content_md5: str | None = None) -> bytes:
    """In JSON. path: the `storage_path`; content_md5: makes it one that is cached."""
    entry = {"filename": f"file-{number}.bin", "storage_path": path}
    if content_md5:
        entry["content_md5"] = content_md5
    message = {
        "id": f"b{number}",
        "account_id": account,
        "from": SENDER,
        "to": [RECIPIENT],
        "subject": "Benchmark",
        "body": "See the file.",
        "attachments": [entry],
    }
    return json.dumps(message, separators=(",", ":")).encode()


@lru_cache(maxsize=1)
def as_base64(size_bytes: int, name: str) -> str:
    return "base64:" + b64encode(content(size_bytes, name)).decode()


def md5_of(size_bytes: int, name: str) -> str:
    return md5(content(size_bytes, name), usedforsecurity=False).hexdigest()


def wire_bytes(size_bytes: int) -> int:
    """Of the content alone, with the line ends of SMTP."""
    lines, rest = divmod(size_bytes, LINE_OCTETS)
    return lines * 78 + (4 * -(-rest // 3) + 2 if rest else 0)
