"""Sending: open connections to relays, and one mail transaction at a time over each.

aiosmtplib connects, encrypts and logs in (`handshake`); our own protocol then takes the transport
over (`connection`) and drives a state machine without I/O (`transaction`). What a result means for
a message is decided elsewhere (`domain.attempt`).
"""

from mail_proxy.smtp.means import Means, TlsContext, verifying_context
from mail_proxy.smtp.pool import SMTPPool
from mail_proxy.smtp.probe import RelayReport, probe
from mail_proxy.smtp.relay import TLS_MODES, Relay
from mail_proxy.smtp.session import Session

__all__ = [
    "TLS_MODES",
    "Means",
    "Relay",
    "RelayReport",
    "SMTPPool",
    "Session",
    "TlsContext",
    "probe",
    "verifying_context",
]
