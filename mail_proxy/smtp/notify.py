"""What MAIL and RCPT ask of a server that offers DSN (RFC 3461): which reports, and how marked."""

from __future__ import annotations

import re

# RFC 3461 section 4.4: printable, and 100 characters before they are encoded.
_ENVID = re.compile(r"[ -~]{1,100}")
_MAX_ORCPT_CHARS = 500  # RFC 3461 section 4.2: by so much a RCPT line may grow
_NOT_XCHAR = re.compile(r"[^!-*,-<>-~]")
_NOT_QCHAR = re.compile(r"[^!-*,-<>-\[\]-~]")


def mail_parameters(envid: str | None) -> str:
    """RET and ENVID, a blank before each. An `envid` that cannot be one is left out."""
    if envid is None or not _ENVID.fullmatch(envid):
        return " RET=HDRS"
    return f" RET=HDRS ENVID={xtext(envid)}"


def rcpt_parameters(address: str) -> str:
    """NOTIFY and ORCPT for an addr-spec. Success is not asked for: it would double the mail."""
    kind, text = ("rfc822", xtext) if address.isascii() else ("utf-8", utf8_addr_xtext)
    orcpt = f"{kind};{text(address)}"
    if len(orcpt) > _MAX_ORCPT_CHARS:
        return " NOTIFY=FAILURE,DELAY"
    return f" NOTIFY=FAILURE,DELAY ORCPT={orcpt}"


def xtext(text: str) -> str:
    """ASCII text as RFC 3461 section 4 encodes it."""
    return _NOT_XCHAR.sub(lambda char: f"+{ord(char[0]):02X}", text)


def utf8_addr_xtext(address: str) -> str:
    r"""An international address in ASCII, as in `j\x{F6}rg@example.org` (RFC 6533 section 3)."""
    return _NOT_QCHAR.sub(lambda char: rf"\x{{{ord(char[0]):02X}}}", address)
