"""A mail that is read while it is sent: dots stuffed and line ends checked, wherever it is cut."""

from __future__ import annotations

from collections.abc import Generator

from mail_proxy.domain.content import MailContent
from mail_proxy.domain.errors import ContentChanged
from mail_proxy.smtp.envelope import has_whole_line_ends


class StuffedMail:
    """The octets between DATA and the final dot; to be read once."""

    def __init__(self, mail: MailContent) -> None:
        self._mail = mail
        self._at_line_start = True
        self._is_whole = False

    def blocks(self) -> Generator[bytes, None, None]:
        """All of it, dots stuffed (RFC 5321 section 4.5.2). It blocks, so for a thread.

        Raises ContentChanged and OSError as the mail does, and ContentChanged when it has not its
        size; ValueError for a line that does not end with CRLF, and octets that it should not have.
        """
        left = self._mail.size_bytes
        held = b""  # a CR at the end of a block, until its LF comes
        for block in self._mail.blocks():
            left -= len(block)
            whole = held + block
            held = b"\r" if whole.endswith(b"\r") else b""
            if piece := self._stuffed(whole[:-1] if held else whole):
                yield piece
        if held:
            raise ValueError("the message ends with a bare CR")
        if left:
            raise ContentChanged(f"the message has not its {self._mail.size_bytes} octets")
        self._is_whole = True

    def ending(self) -> bytes:
        """What is left to send: the final dot."""
        assert self._is_whole, "a dot may only follow a whole message"
        return b".\r\n" if self._at_line_start else b"\r\n.\r\n"

    def _stuffed(self, piece: bytes) -> bytes:
        """A piece that does not end between CR and LF; `"\\n."` is enough to look for."""
        if not piece:
            return b""
        if not has_whole_line_ends(piece):
            raise ValueError("a line of the message does not end in CRLF")
        if self._mail.is_ascii and not piece.isascii():
            raise ValueError("the message is not ASCII, as it was said to be")
        stuffed = piece.replace(b"\n.", b"\n..")
        if self._at_line_start and piece.startswith(b"."):
            stuffed = b"." + stuffed
        self._at_line_start = piece.endswith(b"\n")
        return stuffed
