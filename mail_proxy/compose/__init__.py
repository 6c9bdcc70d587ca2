"""From the fields that an application posts to the RFC 5322 message that goes on the wire."""

from mail_proxy.compose.assemble import build, check_fields, message_id_of
from mail_proxy.compose.envelope import envelope_address
from mail_proxy.compose.mail import Built, Stamp
from mail_proxy.compose.raw import CheckedRaw, checked_raw

__all__ = [
    "Built",
    "CheckedRaw",
    "Stamp",
    "build",
    "check_fields",
    "checked_raw",
    "envelope_address",
    "message_id_of",
]
