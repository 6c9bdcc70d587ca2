"""What a dialogue and its sink tell each other: the offer, the transaction, and who keeps it."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from mail_proxy.sinks.script import Script


@dataclass(frozen=True, slots=True)
class Offer:
    """What the server offers. users: name -> password; empty: anyone may send.

    mechanisms: of AUTH; for XOAUTH2 and OAUTHBEARER the passwords are access tokens.
    tls: the certificate, for STARTTLS or, with `implicit_tls`, from the first byte.
    """

    extensions: frozenset[str]
    max_size: int
    users: Mapping[str, str]
    tls: ssl.SSLContext | None
    implicit_tls: bool
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN")


@dataclass(slots=True)
class Mail:
    """The transaction that is open.

    parameters: of MAIL, as sent; rcpt_parameters: of each recipient.
    began_at: when MAIL came, seconds since the epoch.
    """

    return_path: str
    parameters: str
    began_at: float
    login: str | None
    encrypted: bool
    recipients: list[str] = field(default_factory=list)
    rcpt_parameters: list[str] = field(default_factory=list)


class Sink(Protocol):
    """Who keeps what comes."""

    offer: Offer
    script: Script

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def note_command(self, line: str, *, encrypted: bool) -> None: ...

    def keep(self, mail: Mail, data: bytes) -> None:
        """A whole message came, and it was not refused."""
        ...

    def refuse(self, mail: Mail, data: bytes) -> None:
        """A whole message came, and was refused."""
        ...
