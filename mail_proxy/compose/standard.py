"""Mail of several parts: the standard library writes its MIME structure.

The fields above it (From, Subject and so on) are ours: see `headers`. What the library writes are
the bodies and Content fields, which hold no text of the caller's.
"""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

from mail_proxy.compose.direct import top_fields
from mail_proxy.compose.mail import Mail, Stamp

# Encoded bodies: any relay takes them, with or without 8BITMIME.
_POLICY = SMTP.clone(cte_type="7bit", max_line_length=76)


def write_standard(mail: Mail, stamp: Stamp) -> bytes:
    """The whole message; text and HTML together are multipart/alternative (RFC 2046 5.1.4)."""
    message = EmailMessage(policy=_POLICY)
    message.set_content(mail.text or "")
    message.add_alternative(mail.html or "", subtype="html")
    return top_fields(mail, stamp).encode() + message.as_bytes()
