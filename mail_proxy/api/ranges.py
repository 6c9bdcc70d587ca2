"""Which part of a file a request asks for (RFC 9110 section 14)."""

from __future__ import annotations

import re
from collections.abc import Mapping

_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*\Z", re.ASCII)


class NotSatisfiable(ValueError):
    """Nothing of the range is in the file: 416."""


def asked_range(
    headers: Mapping[str, str], *, size: int, etag: str, modified: str
) -> tuple[int, int] | None:
    """First octet and the one after the last; None: the whole file.

    What is no range of ours, and several ranges, mean the whole (section 14.2). So does If-Range
    with another version's tag or date (section 13.1.5). Raises NotSatisfiable.
    """
    given = headers.get("Range")
    if given is None or headers.get("If-Range", etag) not in (etag, modified):
        return None
    found = _RANGE.match(given)
    if found is None or found[0].strip() == "bytes=-":
        return None
    if not found[1]:
        length = min(int(found[2]), size)
        if not length:
            raise NotSatisfiable
        return size - length, size
    first = int(found[1])
    if found[2] and int(found[2]) < first:
        return None
    if first >= size:
        raise NotSatisfiable
    return first, min(int(found[2]) + 1, size) if found[2] else size
