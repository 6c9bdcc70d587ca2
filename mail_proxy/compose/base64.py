"""A file as the body of a MIME part: base64 in lines of 76 characters (RFC 2045 section 6.8)."""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from struct import Struct

from mail_proxy.domain.content import Content

_LINE_OCTETS = 57
_LINE_CHARS = 76
_GROUP_LINES = 256
_GROUP_OCTETS = _GROUP_LINES * _LINE_OCTETS
_GROUP = Struct(f"{_LINE_CHARS}s" * _GROUP_LINES)  # cuts in one call: a third faster than slices


class Base64Content:
    """A content in base64, each line ended; encoded block by block, when it is read."""

    def __init__(self, content: Content) -> None:
        self._content = content

    @property
    def size_bytes(self) -> int:
        chars = (self._content.size_bytes + 2) // 3 * 4
        lines = -(-chars // _LINE_CHARS)
        return chars + 2 * lines

    def blocks(self) -> Iterator[bytes]:
        rest = b""  # less than a line
        for block in self._content.blocks():
            data = rest + block
            whole = len(data) // _LINE_OCTETS * _LINE_OCTETS
            if whole:
                yield encoded(memoryview(data)[:whole])
            rest = data[whole:]
        if rest:
            yield encoded(rest)


def encoded(data: bytes | memoryview) -> bytes:
    """`data` in base64; each line ends with CRLF."""
    grouped = len(data) // _GROUP_OCTETS * _GROUP_OCTETS
    parts = []
    for at in range(0, grouped, _GROUP_OCTETS):  # of a size that stays in the processor's cache
        group = binascii.b2a_base64(data[at : at + _GROUP_OCTETS], newline=False)
        parts.append(b"\r\n".join(_GROUP.unpack(group)))
    parts += [
        binascii.b2a_base64(data[at : at + _LINE_OCTETS], newline=False)
        for at in range(grouped, len(data), _LINE_OCTETS)
    ]
    return b"\r\n".join([*parts, b""])
