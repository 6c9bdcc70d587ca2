"""A message's commands, and why a given server could not take it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mail_proxy.domain.content import MailContent
from mail_proxy.domain.reply import Reply
from mail_proxy.smtp.notify import mail_parameters, rcpt_parameters

# Addresses are checked where they enter; this is the last look before they become a command.
_SMALL_BYTES = 65536
_UNSAFE = re.compile(r"[\x00-\x20\x7f<>]")

Capabilities = Mapping[str, str]  # EHLO keyword in upper case -> parameters


class Envelope:
    """Who sends what to whom. Raises ValueError for what would break out of its place.

    return_path: an addr-spec, empty for the null reverse-path. recipients: at least one.
    data: the message; its lines end in CRLF, no dot is stuffed. Where it is not in memory its
        lines are looked at when they are read.
    envid: names the message in the reports of mail servers (RFC 3461 section 4.4).
    """

    def __init__(
        self,
        return_path: str,
        recipients: Sequence[str],
        data: bytes | MailContent,
        *,
        needs_smtputf8: bool,
        envid: str | None = None,
    ) -> None:
        if not recipients:
            raise ValueError("a message needs a recipient")
        # As RFC 1870 section 3 counts: without stuffed dots and the final one.
        if not isinstance(data, bytes):
            self._is_ascii, self._size = data.is_ascii, data.size_bytes
        elif has_whole_line_ends(data):
            self._is_ascii = data.isascii()
            self._size = len(data) if not data or data.endswith(b"\r\n") else len(data) + 2
        else:
            # Servers that take a bare CR or LF for a line end can be made to see a second message.
            raise ValueError("a line of the message does not end in CRLF")
        addresses = "".join([return_path, *recipients])
        if _UNSAFE.search(addresses):
            raise ValueError(f"an address may not hold blanks, controls, < or >: {addresses!r}")
        self._return_path = return_path
        self._recipients = recipients
        self._envid = envid
        self._needs_smtputf8 = needs_smtputf8 or not addresses.isascii()

    def commands(self, capabilities: Capabilities) -> list[bytes]:
        """MAIL, each RCPT, DATA; with the parameters that the server offers."""
        mail = f"MAIL FROM:<{self._return_path}>"
        if "SIZE" in capabilities:
            mail += f" SIZE={self._size}"
        if "8BITMIME" in capabilities and not self._is_ascii:
            mail += " BODY=8BITMIME"
        if self._needs_smtputf8:
            mail += " SMTPUTF8"
        rcpts = [f"RCPT TO:<{address}>" for address in self._recipients]
        if "DSN" in capabilities and self._return_path:  # else a report has nowhere to go
            mail += mail_parameters(self._envid)
            rcpts = [
                rcpt + rcpt_parameters(address)
                for rcpt, address in zip(rcpts, self._recipients, strict=True)
            ]
        return [f"{line}\r\n".encode() for line in (mail, *rcpts, "DATA")]

    def refusal(self, capabilities: Capabilities) -> Reply | None:
        """The reply that the server would give for good, known from its offer; None: try."""
        limit = max_size(capabilities)
        if limit is not None and self._size > limit:
            return Reply(552, "5.3.4", f"message of {self._size} bytes, the server takes {limit}")
        if self._needs_smtputf8 and "SMTPUTF8" not in capabilities:
            return Reply(553, "5.6.7", "the server does not offer SMTPUTF8, which this mail needs")
        if not self._is_ascii and "8BITMIME" not in capabilities:
            # RFC 6152 section 3: convert or return. Ours are 7-bit; a foreign mail may be signed.
            return Reply(554, "5.6.3", "the server does not offer 8BITMIME, which this mail needs")
        return None


def max_size(capabilities: Capabilities) -> int | None:
    """Bytes that the server takes in one message (RFC 1870 section 4); None: it does not say."""
    offered = capabilities.get("SIZE", "")
    # 20 digits are what the RFC allows; more would only be a burden to convert.
    if not (offered.isascii() and offered.isdigit() and len(offered) <= 20):
        return None
    return int(offered) or None  # 0: no fixed limit


def has_whole_line_ends(data: bytes) -> bool:
    """Each CR is followed by an LF, and each LF preceded by a CR."""
    if len(data) > _SMALL_BYTES:
        return data.count(b"\r\n") == data.count(b"\r") == data.count(b"\n")
    # The same with copies, a third of the time: single octets are found much faster than pairs.
    return data.replace(b"\r", b"").replace(b"\n", b"\r\n") == data
