"""What went wrong on the way to a server, in the words of a person.

Systems and libraries say `[Errno 111]` and `WRONG_VERSION_NUMBER`; who set up an account needs to
know what that means for its host, its port and its `tls_mode`.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl

import aiosmtplib

CLOSED = "the server closed the connection"
TRY_IMPLICIT_TLS = "try tls_mode ssl, usually on port 465"

_NO_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"}
)
_OLD_TLS = frozenset({"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION"})
# X509_V_ERR_*: no chain of signatures leads from the certificate to an authority that we know.
_UNKNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21})
_TLS_RECORD = re.compile(r"[\x14-\x17]\x03[\x00-\x04]")  # RFC 8446 section 5.1
_MALFORMED = re.compile(r"Malformed SMTP response line: *|Response too long", re.IGNORECASE)
_ERRNO = re.compile(r"\[Errno (\d+)\]")
_BY_ERRNO = {
    errno.ECONNREFUSED: "connection refused: nothing listens there",
    errno.ECONNRESET: CLOSED,
    errno.ECONNABORTED: CLOSED,
    errno.EPIPE: CLOSED,
    errno.ETIMEDOUT: "timed out",
    errno.EHOSTUNREACH: "there is no way to that host",
    errno.ENETUNREACH: "there is no way to the network of that host",
}


def lost(error: BaseException, host: str) -> str:
    """Why there is no connection (any more); empty for what has no words of its own."""
    match error:
        case socket.gaierror(errno=socket.EAI_AGAIN):
            return f"the host {host} cannot be looked up now: the name server does not answer"
        case socket.gaierror():
            return f"host not found: {host}"
        case aiosmtplib.SMTPServerDisconnected() | ConnectionResetError() | EOFError():
            return CLOSED
        case OSError():
            number = error.errno or _first_errno(str(error))
            return _BY_ERRNO.get(number) or (os.strerror(number).lower() if number else "")
        case _:
            return ""


def bad_certificate(error: ssl.SSLCertVerificationError, host: str) -> str:
    why = f"the certificate of {host} is not good: {error.verify_message}"
    if error.verify_code in _UNKNOWN_AUTHORITY:
        why += "; a private authority can be added to the certificates of the system"
    return why


def no_tls(error: ssl.SSLError, *, is_implicit: bool) -> str:
    """Why TLS did not come about. is_implicit: it was to come first, before the greeting."""
    reason = error.reason or ""
    if reason in _NO_TLS and is_implicit:
        return "the server speaks no TLS on this port (try tls_mode starttls or none)"
    if reason in _NO_TLS:
        return "the server says yes to STARTTLS and then speaks no TLS"
    if reason in _OLD_TLS:
        return "the server knows only old versions of TLS; 1.2 or newer is needed"
    return reason.replace("_", " ").lower() or str(error)


def no_smtp(code: int, text: str) -> str:
    """What answered without being a mail server.

    code, text: as read; below 200 where the line had no code.
    """
    said = _MALFORMED.sub("", text) if code < 0 else f"{code} {text}"
    if _TLS_RECORD.match(said):
        return f"the server expects TLS from the first byte ({TRY_IMPLICIT_TLS})"
    return f"what answers there is not a mail server: {said.strip() or 'its lines have no end'}"


def _first_errno(text: str) -> int:
    """Of several addresses, each with its failure, the first one's."""
    found = _ERRNO.search(text)
    return int(found[1]) if found else 0
