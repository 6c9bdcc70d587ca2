"""Base64 as applications post it: decoded piece by piece, so that no second whole is in memory.

White space is taken out and missing padding put in; everything else must be as in RFC 4648
section 4.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator

PIECE_CHARS = 256 * 1024  # a multiple of 4


class NotBase64(ValueError):
    """The text says nothing; the sentence tells why."""


def decode_base64(text: str) -> bytes:
    """All of it at once. Raises NotBase64."""
    return b"".join(base64_blocks(text))


def base64_blocks(text: str, start: int = 0) -> Iterator[bytes]:
    """The octets in order, in blocks of at most 192 KiB. Raises NotBase64, perhaps at the end.

    start: where the base64 begins.
    """
    left = ""  # what is no whole group of four yet
    has_ended = False
    for at in range(start, len(text), PIECE_CHARS):
        piece = left + "".join(text[at : at + PIECE_CHARS].split())
        whole = len(piece) // 4 * 4
        piece, left = piece[:whole], piece[whole:]
        if has_ended and piece:
            raise NotBase64("Excess data after padding")
        if piece:
            yield _decoded(piece)
            has_ended = piece.endswith("=")
    if left:
        if has_ended:
            raise NotBase64("Excess data after padding")
        yield _decoded(left + "=" * (-len(left) % 4))


def _decoded(text: str) -> bytes:
    """text: whole groups of four; what has padding inside is refused."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:  # binascii.Error is one
        raise NotBase64(str(error)) from None
