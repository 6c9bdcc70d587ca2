"""Mail with attachments: texts first, images inside the HTML, files behind them (RFC 2046, 2387).

mixed
  alternative
    text/plain
    related
      text/html
      image, inline
  file
Levels with one part are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from mail_proxy.compose.base64 import Base64Content
from mail_proxy.compose.direct import text_part, top_fields
from mail_proxy.compose.filename import filename_parameters
from mail_proxy.compose.headers import literal_field
from mail_proxy.compose.mail import Built, Mail, Stamp
from mail_proxy.compose.pieces import Piece, PiecedMail
from mail_proxy.domain.attachment import Attachment
from mail_proxy.domain.content import BytesContent, Content
from mail_proxy.domain.large_files import shown_content_ids
from mail_proxy.domain.media_types import media_type

_SMALL_BYTES = 128 * 1024  # of a whole mail: not worth a thread

Part = list[Piece]  # content fields, empty line, body


class Enclosed(NamedTuple):
    """An attachment, and what it holds."""

    attachment: Attachment
    content: Content


def write_enclosing(mail: Mail, stamp: Stamp, enclosed: Sequence[Enclosed]) -> Built:
    """The whole message; in one piece where it is small and all of it in memory."""
    head = f"{top_fields(mail, stamp)}MIME-Version: 1.0\r\n"
    is_ascii = head.isascii()
    letter = PiecedMail([head.encode(), *_body(mail, stamp, enclosed)], is_ascii=is_ascii)
    is_small = letter.size_bytes <= _SMALL_BYTES and all(
        isinstance(entry.content, BytesContent) for entry in enclosed
    )
    data = b"".join(letter.blocks()) if is_small else letter
    return Built(data, is_ascii=is_ascii, needs_smtputf8=not is_ascii)


def _body(mail: Mail, stamp: Stamp, enclosed: Sequence[Enclosed]) -> Part:
    """What the HTML does not show by its Content-ID is a file: in `related` nobody would see it."""
    text = None if mail.text is None else text_part("plain", mail.text)
    html = None if mail.html is None else text_part("html", mail.html)
    boundaries = _Boundaries([text or b"", html or b""], mail.message_id or stamp.message_id)
    shown_ids = shown_content_ids(mail.html)
    images: list[Enclosed] = []
    files: list[Enclosed] = []
    for entry in enclosed:
        (images if entry.attachment.content_id in shown_ids else files).append(entry)
    shown: list[Part] = [] if text is None else [[text]]
    if html is not None:
        related: list[Part] = [[html], *[_part(image, "inline") for image in images]]
        shown.append(_multipart("related", related, boundaries))
    first = _multipart("alternative", shown, boundaries)
    return _multipart("mixed", [first, *[_part(f, "attachment") for f in files]], boundaries)


def _part(entry: Enclosed, disposition: str) -> Part:
    attachment, content = entry
    head = literal_field("Content-Type", media_type(attachment))
    head += literal_field("Content-Transfer-Encoding", "base64")
    if attachment.content_id:
        head += literal_field("Content-ID", f"<{attachment.content_id}>")
    head += f"Content-Disposition: {disposition}{filename_parameters(attachment.filename)}\r\n\r\n"
    return [head.encode(), Base64Content(content)]


class _Boundaries:
    """The same in each try of a message, and in none of its texts (RFC 2046 section 5.1.1)."""

    def __init__(self, texts: Sequence[bytes], message_id: str) -> None:
        self._texts = texts
        self._message_id = message_id

    def of(self, kind: str) -> str:
        n = 0
        while True:
            # `=_` stands in no encoded body (RFC 2045 section 6.7); only one in 7bit needs the
            # look. All are of one length, so none is the beginning of another.
            seed = f"{n} {kind} {self._message_id}"
            boundary = f"=_{sha256(seed.encode()).hexdigest()[:32]}"
            if not any(boundary.encode() in text for text in self._texts):
                return boundary
            n += 1


def _multipart(kind: str, parts: Sequence[Part], boundaries: _Boundaries) -> Part:
    """A single part stands for itself."""
    if len(parts) == 1:
        return parts[0]
    boundary = boundaries.of(kind)
    head = f'Content-Type: multipart/{kind};\r\n boundary="{boundary}"'
    if kind == "related":
        head += ';\r\n type="text/html"'  # RFC 2387 section 3.1
    pieces: Part = [f"{head}\r\n\r\n".encode()]
    mark = f"--{boundary}".encode()
    for part in parts:
        # The line end before a mark belongs to the mark; each body has one of its own before it.
        pieces += [mark + b"\r\n", *part, b"\r\n"]
    pieces.append(mark + b"--\r\n")
    return pieces
