"""A mail that holds files: its texts are in memory, the files are read while it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mail_proxy.domain.content import BLOCK_BYTES, BytesContent, Content
from mail_proxy.domain.errors import ContentChanged

Piece = bytes | Content


class PiecedMail:
    """Pieces one after the other; a `MailContent`."""

    def __init__(self, pieces: Iterable[Piece], *, is_ascii: bool) -> None:
        self._pieces = tuple(
            [BytesContent(piece) if isinstance(piece, bytes) else piece for piece in pieces]
        )
        self._is_ascii = is_ascii

    @property
    def size_bytes(self) -> int:
        return sum(piece.size_bytes for piece in self._pieces)

    @property
    def is_ascii(self) -> bool:
        return self._is_ascii

    def blocks(self) -> Iterator[bytes]:
        """Small pieces are joined: each block costs its reader a hop to a thread."""
        held: list[bytes] = []
        size_bytes = 0
        for piece in self._pieces:
            for block in piece.blocks():
                if held and size_bytes + len(block) > BLOCK_BYTES:
                    yield b"".join(held)
                    held, size_bytes = [], 0
                held.append(block)
                size_bytes += len(block)
        if held:
            yield b"".join(held)


class Rest:
    """A content without the octets that it begins with."""

    def __init__(self, content: Content, first: bytes) -> None:
        self._content = content
        self._first = first

    @property
    def size_bytes(self) -> int:
        return self._content.size_bytes - len(self._first)

    def blocks(self) -> Iterator[bytes]:
        """All is read again, so that the content checks all; what is left out is compared."""
        at = 0
        for block in self._content.blocks():
            skipped = self._first[at : at + len(block)]
            if not block.startswith(skipped):
                raise ContentChanged("the first octets are not what they were")
            at += len(skipped)
            if rest := block[len(skipped) :]:
                yield rest
