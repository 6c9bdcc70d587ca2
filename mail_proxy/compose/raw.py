"""A whole RFC 5322 message given by the caller: sent as it is, but for a few header fields."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO

from mail_proxy.compose.body import MAX_LINE, has_short_lines
from mail_proxy.compose.direct import TRACKING_HEADER
from mail_proxy.compose.headers import date_field, literal_field, text_field
from mail_proxy.compose.mail import Built, Stamp
from mail_proxy.compose.pieces import PiecedMail, Rest
from mail_proxy.domain.base64_text import NotBase64, base64_blocks
from mail_proxy.domain.content import Content
from mail_proxy.domain.errors import ContentChanged, Invalid
from mail_proxy.domain.message import check_message_id

# Not taken, as some readers would end the header there: a folded line of blanks alone, and a blank
# before the colon.
_FIELD = re.compile(rb"([!-9;-~]+):[^\r\n]*(?:\r\n[ \t]+[^ \t\r\n][^\r\n]*)*\r\n")
_DROPPED = frozenset({b"bcc", b"resent-bcc", b"return-path", TRACKING_HEADER.lower().encode()})

_ONCE = {  # RFC 5322 section 3.6; readers and relays differ about which of two counts
    name.lower().encode(): name
    for name in (
        *("From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID"),
        *("In-Reply-To", "References", "MIME-Version", "Content-Type"),
        "Content-Transfer-Encoding",
    )
}

_EMPTY_LINE = b"\r\n"

MAX_HEAD_BYTES = 256 * 1024  # a thousand recipients fit, and what relays add; no server takes more


@dataclass(frozen=True, slots=True)
class RawMail:
    """fields: (name in lower case, all its lines), in order; body: what follows the empty line."""

    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @property
    def message_id(self) -> str | None:
        """Its own Message-ID, checked; None where it has none."""
        for name, lines in self.fields:
            if name == b"message-id":
                value = lines.partition(b":")[2].decode("ascii", "replace")
                return check_message_id(value.strip(), field="raw")
        return None

    @property
    def names(self) -> frozenset[bytes]:
        return frozenset(name for name, _ in self.fields)


@dataclass(frozen=True, slots=True)
class CheckedRaw:
    """A posted message that can be sent.

    data: its octets; each line ends with CRLF, the last one too, and an empty one ends its head.
    is_ascii: no relay needs 8BITMIME for it.
    message_id: its own one, None where it has none.
    """

    data: bytes
    is_ascii: bool
    message_id: str | None


def checked_raw(value: object) -> CheckedRaw:
    """Decode a base64 message and look at all of it; raises Invalid for `raw`."""
    data = _decoded(value)
    head, body_at = _checked_head(data)
    message_id = RawMail(head, b"").message_id
    if body_at == len(data) and not data.endswith(b"\r\n\r\n"):
        data += _EMPTY_LINE
    return CheckedRaw(data, data.isascii(), message_id)


def read_raw(value: object) -> RawMail:
    """Decode and take apart a base64 message; raises Invalid for `raw`."""
    data = _decoded(value)
    head, body_at = _checked_head(data)
    return RawMail(head, data[body_at:])


def write_raw(mail: RawMail, stamp: Stamp) -> Built:
    """The message without Bccs and Return-Path, with a Date, a Message-ID and our tracking id."""
    head = _written_head(mail, stamp)
    data = head + mail.body
    return Built(data, is_ascii=data.isascii(), needs_smtputf8=not head.isascii())


def write_spooled_raw(raw: Content, stamp: Stamp, *, is_ascii: bool) -> Built:
    """The same for the octets of a CheckedRaw that lie in a file: the body is read when it is sent.

    It reads the head, so it may block. Raises ContentChanged where that is no head, and OSError.
    """
    head = _head_of(raw)
    try:
        mail = RawMail(_fields(head), b"")
        written = _written_head(mail, stamp)
    except Invalid as error:
        raise ContentChanged(f"the stored message is not as it was checked: {error}") from error
    body = Rest(raw, head + _EMPTY_LINE)
    letter = PiecedMail([written, body], is_ascii=is_ascii)
    return Built(letter, is_ascii=is_ascii, needs_smtputf8=not written.isascii())


def _head_of(raw: Content) -> bytes:
    """The header fields, with their last CRLF, that an empty line follows."""
    found = b""
    for block in raw.blocks():
        found += block
        head, empty_line, _ = found.partition(b"\r\n\r\n")
        if empty_line and len(head) < MAX_HEAD_BYTES:
            return head + b"\r\n"
        if len(found) > MAX_HEAD_BYTES + 2:
            break
    raise ContentChanged("the stored message has no end of its header fields")


def _checked_head(data: bytes) -> tuple[tuple[tuple[bytes, bytes], ...], int]:
    """The header fields, and where the body begins; all of `data` is looked at."""
    if b"\x00" in data:
        raise Invalid("raw contains a NUL", field="raw")
    head, body_at = _head_and_place(data)
    if len(head) > MAX_HEAD_BYTES:
        raise Invalid(f"raw has more than {MAX_HEAD_BYTES} octets of header fields", field="raw")
    if not has_short_lines(data):
        raise Invalid(f"raw has a line of more than {MAX_LINE} octets", field="raw")
    fields = _fields(head)
    _check_counts(fields)
    return fields, body_at


def _written_head(mail: RawMail, stamp: Stamp) -> bytes:
    """With the empty line that ends it."""
    head = b"".join(lines for name, lines in mail.fields if name not in _DROPPED)
    if b"date" not in mail.names:
        head += date_field(stamp.date).encode()
    if mail.message_id is None:
        head += literal_field("Message-ID", stamp.message_id).encode()
    head += text_field(TRACKING_HEADER, stamp.tracking_id).encode()
    return head + _EMPTY_LINE


def _decoded(value: object) -> bytes:
    """The octets with CRLF as line ends, one at the end too."""
    if not isinstance(value, str):
        raise Invalid("raw must be a message in base64", field="raw")
    mail = BytesIO()  # grown in place: of a large mail there is one, and no call takes long
    held = last = b""
    try:
        for block in base64_blocks(value):
            piece = held + block
            held = b"\r" if piece.endswith(b"\r") else b""  # an LF may follow
            last = _with_crlf(piece.removesuffix(b"\r"))
            mail.write(last)
    except NotBase64 as error:
        raise Invalid(f"raw is not base64: {error}", field="raw") from error
    if held or not last.endswith(b"\r\n"):
        mail.write(b"\r\n")
    return mail.getvalue()


def _with_crlf(data: bytes) -> bytes:
    """All line ends as CRLF; with replace(), for a pattern takes seconds for a large message."""
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def _head_and_place(data: bytes) -> tuple[bytes, int]:
    """Header fields with their last CRLF, and where the body begins; `data` ends with CRLF."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return data, len(data)
    return data[: end + 2], end + 4


def _fields(head: bytes) -> tuple[tuple[bytes, bytes], ...]:
    fields, at = [], 0
    while at < len(head):
        found = _FIELD.match(head, at)
        if found is None:
            line = head[at:].partition(b"\r\n")[0][:40].decode("ascii", "replace")
            raise Invalid(f"raw has a line that is no header field: {line!a}", field="raw")
        fields.append((found[1].lower(), found[0]))
        at = found.end()
    _check_utf8(head)
    return tuple(fields)


def _check_counts(fields: Iterable[tuple[bytes, bytes]]) -> None:
    counts = Counter(name for name, _ in fields)
    if not counts[b"from"]:
        raise Invalid("raw has no From field", field="raw")
    for name, shown in _ONCE.items():
        if counts[name] > 1:
            raise Invalid(f"raw has {counts[name]} {shown} fields, and may have one", field="raw")


def _check_utf8(head: bytes) -> None:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        raise Invalid("raw has header fields that are not UTF-8", field="raw") from error
