"""Mail of one part, put together as text: microseconds, where the standard library takes 600."""

from __future__ import annotations

from mail_proxy.compose.body import encode_text
from mail_proxy.compose.headers import address_field, date_field, literal_field, text_field
from mail_proxy.compose.mail import Mail, Stamp

TRACKING_HEADER = "X-Genro-Mail-ID"


def write_direct(mail: Mail, stamp: Stamp) -> bytes:
    """The whole message of a mail that has a plain or an HTML body, not both."""
    kind, body = ("plain", mail.text) if mail.html is None else ("html", mail.html)
    encoded = encode_text(body or "")
    mime = (
        "MIME-Version: 1.0\r\n"
        f'Content-Type: text/{kind}; charset="utf-8"\r\n'
        f"Content-Transfer-Encoding: {encoded.encoding}\r\n\r\n"
    )
    return (top_fields(mail, stamp) + mime).encode() + encoded.data


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
    fields += [text_field(name, value) for name, value in mail.headers.items()]
    fields.append(text_field(TRACKING_HEADER, stamp.tracking_id))
    return "".join(fields)
