"""One text body as MIME octets: 7bit where that is enough, else quoted-printable or base64."""

from __future__ import annotations

import binascii
from typing import NamedTuple

MAX_LINE = 998  # RFC 5322 section 2.1.1
_ASCII = bytes(range(128))


class EncodedText(NamedTuple):
    """`data` ends with CRLF unless it is empty."""

    encoding: str
    data: bytes


def encode_text(text: str) -> EncodedText:
    """`text` in UTF-8, its line ends CRLF; a final line end is added where there is none."""
    data = _with_lf(text)
    if text.isascii():
        lines = data.replace(b"\n", b"\r\n")
        if has_short_lines(lines):
            return EncodedText("7bit", lines)
        return EncodedText("quoted-printable", _quoted_printable(data))
    # Three octets for one, against four for three: even at one in six that needs quoting.
    if len(data.translate(None, _ASCII)) * 6 <= len(data):
        return EncodedText("quoted-printable", _quoted_printable(data))
    # RFC 2045 section 6: the form that is encoded has CRLF line ends, in base64 too.
    return EncodedText("base64", _base64(data.replace(b"\n", b"\r\n")))


def has_short_lines(data: bytes) -> bool:
    """No line of `data`, whose lines end with CRLF, is longer than 998 octets."""
    at = 0
    while len(data) - at > MAX_LINE:  # a leap of many lines each time
        end = data.rfind(b"\r\n", at, at + MAX_LINE + 2)
        if end < 0:
            return False
        at = end + 2
    return True


def _with_lf(text: str) -> bytes:
    """Whatever ends a line, and there is an end of the last one."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text and not text.endswith("\n"):
        text += "\n"
    return text.encode()


def _quoted_printable(data: bytes) -> bytes:
    # With LF in, binascii puts LF out; with CRLF in it does so too where no line is ended yet.
    return binascii.b2a_qp(data, istext=True).replace(b"\n", b"\r\n")


def _base64(data: bytes) -> bytes:
    lines = (binascii.b2a_base64(data[at : at + 57]) for at in range(0, len(data), 57))
    return b"".join(lines).replace(b"\n", b"\r\n")
