"""A whole RFC 5322 message given by the caller: sent as it is, but for a few header fields."""

from __future__ import annotations

import binascii
import re
from collections import Counter
from dataclasses import dataclass

from mail_proxy.compose.body import MAX_LINE, has_short_lines
from mail_proxy.compose.direct import TRACKING_HEADER
from mail_proxy.compose.headers import date_field, literal_field, text_field
from mail_proxy.compose.mail import Built, Stamp
from mail_proxy.domain.errors import Invalid
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


def read_raw(value: object) -> RawMail:
    """Decode and take apart a base64 message; raises Invalid for `raw`."""
    data = _with_crlf(_decoded(value))
    if b"\x00" in data:
        raise Invalid("raw contains a NUL", field="raw")
    head, body = _halves(data)
    if len(head) > MAX_HEAD_BYTES:
        raise Invalid(f"raw has more than {MAX_HEAD_BYTES} octets of header fields", field="raw")
    if not has_short_lines(data):
        raise Invalid(f"raw has a line of more than {MAX_LINE} octets", field="raw")
    mail = RawMail(_fields(head), body)
    _check_counts(mail)
    return mail


def write_raw(mail: RawMail, stamp: Stamp) -> Built:
    """The message without Bccs and Return-Path, with a Date, a Message-ID and our tracking id."""
    head = b"".join(lines for name, lines in mail.fields if name not in _DROPPED)
    if b"date" not in mail.names:
        head += date_field(stamp.date).encode()
    if mail.message_id is None:
        head += literal_field("Message-ID", stamp.message_id).encode()
    head += text_field(TRACKING_HEADER, stamp.tracking_id).encode()
    data = head + b"\r\n" + mail.body
    return Built(data, is_ascii=data.isascii(), needs_smtputf8=not head.isascii())


def _decoded(value: object) -> bytes:
    if not isinstance(value, str):
        raise Invalid("raw must be a message in base64", field="raw")
    text = "".join(value.split())
    try:
        return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid(f"raw is not base64: {error}", field="raw") from error


def _with_crlf(data: bytes) -> bytes:
    """All line ends as CRLF; with replace(), for a pattern takes seconds for a large message."""
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def _halves(data: bytes) -> tuple[bytes, bytes]:
    """Header fields and body, both ending with CRLF where they are not empty."""
    if not data.endswith(b"\r\n"):
        data += b"\r\n"
    head, _, body = data.partition(b"\r\n\r\n")
    return (head if head.endswith(b"\r\n") else head + b"\r\n"), body


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


def _check_counts(mail: RawMail) -> None:
    counts = Counter(name for name, _ in mail.fields)
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
