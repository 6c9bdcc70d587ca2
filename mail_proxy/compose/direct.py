"""Mail of our own making, put together as text: 10 to 50 us, where `email` takes 600 to 3,000.

What is written here reads back with `email` as what was asked: tests try any text in any field.
Header fields are in `headers`, bodies in `body`; between them there is nothing to quote.
"""

from __future__ import annotations

from hashlib import sha256

from mail_proxy.compose.body import encode_text
from mail_proxy.compose.headers import address_field, date_field, literal_field, text_field
from mail_proxy.compose.mail import Built, Mail, Stamp

TRACKING_HEADER = "X-Genro-Mail-ID"


def write_mail(mail: Mail, stamp: Stamp) -> Built:
    """The whole message; text and HTML together are multipart/alternative (RFC 2046 5.1.4)."""
    head = f"{top_fields(mail, stamp)}MIME-Version: 1.0\r\n"
    if mail.html is None:
        body = text_part("plain", mail.text or "")
    elif mail.text is None:
        body = text_part("html", mail.html)
    else:
        parts = (text_part("plain", mail.text), text_part("html", mail.html))
        body = _alternative(parts, mail.message_id or stamp.message_id)
    # Bodies are ASCII; header fields are but for the local parts of addresses (RFC 6532).
    is_ascii = head.isascii()
    return Built(head.encode() + body, is_ascii=is_ascii, needs_smtputf8=not is_ascii)


def top_fields(mail: Mail, stamp: Stamp) -> str:
    """All header fields but MIME's, in the order that they are sent."""
    fields = [
        address_field("From", (mail.sender,)),
        address_field("To", mail.to),
        text_field("Subject", mail.subject),
    ]
    if mail.cc:
        fields.append(address_field("Cc", mail.cc))
    if mail.reply_to:
        fields.append(address_field("Reply-To", mail.reply_to))
    fields.append(date_field(stamp.date))
    fields.append(literal_field("Message-ID", mail.message_id or stamp.message_id))
    if mail.headers:
        fields += [text_field(name, value) for name, value in mail.headers.items()]
    fields.append(text_field(TRACKING_HEADER, stamp.tracking_id))
    return "".join(fields)


def text_part(kind: str, text: str) -> bytes:
    """Content fields, empty line, body; a line end is the last of it."""
    encoding, data = encode_text(text)
    head = (
        f'Content-Type: text/{kind}; charset="utf-8"\r\n'
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    )
    return head.encode() + data


def _alternative(parts: tuple[bytes, ...], message_id: str) -> bytes:
    boundary = _boundary(parts, message_id)
    head = f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'
    mark = f"--{boundary}".encode()
    # The line end before a mark belongs to the mark, so the body's own is followed by another one.
    return (
        head.encode() + b"".join([mark + b"\r\n" + p + b"\r\n" for p in parts]) + mark + b"--\r\n"
    )


def _boundary(parts: tuple[bytes, ...], message_id: str) -> str:
    """The same in each try of a message, and in none of its parts (RFC 2046 section 5.1.1)."""
    n = 0
    while True:
        # `=_` stands in no encoded body (RFC 2045 section 6.7); only one in 7bit needs the look.
        boundary = f"=_{sha256(f'{n} {message_id}'.encode()).hexdigest()[:32]}"
        if not any(boundary.encode() in part for part in parts):
            return boundary
        n += 1
