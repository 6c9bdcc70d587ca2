"""Mail addresses as callers write them: one plain addr-spec each, with or without a display name.

Strict on purpose: what is not surely one address is refused, never repaired (RFC 5321 section
4.1.2, RFC 5322 section 3.4, RFC 6531 for non-ASCII). A-labels of domains are left to `compose/`.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from mail_proxy.domain.errors import Invalid

MAX_ADDRESS_OCTETS = 254  # RFC 5321 section 4.5.3.1.3: a path of 256, less the angle brackets
MAX_LOCAL_OCTETS = 64  # RFC 5321 section 4.5.3.1.1
MAX_LABEL_OCTETS = 63  # RFC 1035 section 2.3.4
MAX_DISPLAY_CHARS = 998
MAX_ADDRESSES = 1000  # of one field; a mailing is a batch of messages
MAX_FIELD_CHARS = 500_000  # of all its entries: what is looked at costs time
_SHOWN_CHARS = 60

_ATEXT = r"A-Za-z0-9!#$%&'*+\-/=?^_`{|}~"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_USUAL = re.compile(  # nearly all there are: ASCII, a dot-atom, a name of two labels or more
    rf"[{_ATEXT}]++(?:\.[{_ATEXT}]++)*+@(?:{_LABEL}\.)++[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?"
)
_DOT_ATOM = re.compile(rf"[{_ATEXT}\u0080-\U0010ffff]++(?:\.[{_ATEXT}\u0080-\U0010ffff]++)*+")
_QUOTED_LOCAL = re.compile(  # no blank, < or >: not every server reads them as a part of the name
    r'"(?:[!#-;=?-\[\]-~\u0080-\U0010ffff]|\\[!-;=?-~])++"'
)
_ASCII_LABEL = re.compile(_LABEL)
_NEVER = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_QUOTED = r'"(?:[^"\\]|\\.)*+"'
_ANGLED = re.compile(rf'((?:{_QUOTED}|[^"<>\\])*+)<(.*)>')
_WORD = re.compile(rf'({_QUOTED})|[^"\s]+')
_PAIR = re.compile(r"\\(.)")
_SPECIALS = re.compile(r"[()<>\[\]:;@\\,]")
_ENTRY = re.compile(rf'(?:{_QUOTED}|<(?:{_QUOTED}|[^"<>])*+>|[^",])*+')
_IN_CONTEXT = "\u00b7\u0375\u05f3\u05f4\u30fb\u200c\u200d"  # legal in some places (RFC 5892)


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox: `display` without its quotes (empty: none), `addr_spec` local@domain in NFC."""

    display: str
    addr_spec: str

    @property
    def domain(self) -> str:
        return self.addr_spec.rpartition("@")[2]


def needs_smtputf8(addr_spec: str) -> bool:
    """The local part is non-ASCII, so only a relay with SMTPUTF8 (RFC 6531) takes it."""
    return not addr_spec.rpartition("@")[0].isascii()


def parse_address(text: object, *, field: str) -> Address:
    """The one address that `text` is; raises Invalid for `field` where it is none, or several."""
    if not isinstance(text, str):
        raise Invalid(f"{field} must be text, not {type(text).__name__}", field=field)
    if _is_usual(text):
        return Address("", text)
    _check_size(len(text), field)
    try:
        return _parse(text)
    except _Refused as refused:
        raise Invalid(f"{_shown(text)} is not a mail address: {refused}", field=field) from None


def parse_addresses(value: object, *, field: str) -> list[Address]:
    """The addresses of a list of strings, one in each, or of one comma-separated string.

    Blank entries are passed over, so the answer may be empty; None is no address.
    """
    if value is None:
        return []
    if type(value) is list and len(value) == 1 and type(value[0]) is str and _is_usual(value[0]):
        return [Address("", value[0])]  # nearly all there are
    if isinstance(value, str):
        _check_size(len(value), field)
        entries: list[Any] = _split(value)
    elif isinstance(value, list | tuple):
        _check_size(sum(len(entry) for entry in value if isinstance(entry, str)), field)
        entries = list(value)
    else:
        raise Invalid(f"{field} must be a list of addresses or one text", field=field)
    entries = [entry for entry in entries if entry != "" and _has(entry)]
    if len(entries) > MAX_ADDRESSES:
        raise Invalid(f"{field} has more than {MAX_ADDRESSES} addresses", field=field)
    return [parse_address(entry, field=field) for entry in entries]


class _Refused(Exception):
    """Why a text is no address."""


def _is_usual(text: str) -> bool:
    """Good without a closer look, and too short to reach a limit."""
    return len(text) <= MAX_LOCAL_OCTETS and "=?" not in text and _USUAL.fullmatch(text) is not None


def _check_size(n_chars: int, field: str) -> None:
    if n_chars > MAX_FIELD_CHARS:
        raise Invalid(f"{field} is longer than {MAX_FIELD_CHARS} characters", field=field)


def _has(entry: object) -> bool:
    return not isinstance(entry, str) or entry.strip(" ") != ""


def _split(value: str) -> list[str]:
    """Cut at the commas outside of quotes and angle brackets."""
    entries, at = [], 0
    while at <= len(value):
        end = _ENTRY.match(value, at).end()  # type: ignore[union-attr]  # it matches the empty text
        if end < len(value) and value[end] != ",":
            return [value]  # an open quote: the parser says what is wrong
        entries.append(value[at:end])
        at = end + 1
    return entries


def _parse(text: str) -> Address:
    if found := _NEVER.search(text):
        raise _Refused(f"it contains the character U+{ord(found[0]):04X}")
    text = text.strip(" ")
    if not text.endswith(">"):
        return Address("", _addr_spec(text))
    angled = _ANGLED.fullmatch(text)
    if angled is None:
        raise _Refused("quotes and angle brackets do not pair up")
    return Address(_display(angled[1]), _addr_spec(angled[2]))


def _display(phrase: str) -> str:
    """The name that a phrase (RFC 5322 section 3.2.5) tells; dots and non-ASCII are let through."""
    words = []
    for word in _WORD.finditer(phrase):
        if word[1]:
            words.append(_PAIR.sub(r"\1", word[1][1:-1]))
        elif _SPECIALS.search(word[0]):
            raise _Refused("a display name with one of ()<>[]:;@\\, must be in double quotes")
        else:
            words.append(word[0])
    display = " ".join(words)
    if len(display) > MAX_DISPLAY_CHARS:
        raise _Refused(f"its display name is longer than {MAX_DISPLAY_CHARS} characters")
    return display


def _addr_spec(text: str) -> str:
    if _is_usual(text):
        return text
    local, _, domain = text.rpartition("@")
    if not local or not domain:
        raise _Refused("it has no name before the @, or no domain after it")
    local = unicodedata.normalize("NFC", local)
    _check_local(local)
    addr_spec = f"{local}@{_domain(domain)}"
    if len(addr_spec.encode()) > MAX_ADDRESS_OCTETS:
        raise _Refused(f"it is longer than {MAX_ADDRESS_OCTETS} octets")
    return addr_spec


def _check_local(local: str) -> None:
    if not (_DOT_ATOM.fullmatch(local) or _QUOTED_LOCAL.fullmatch(local)):
        if "@" in local:
            raise _Refused("there is more than one @ in it, and one entry is one address")
        raise _Refused("it must be one name, an @ and a domain, without spaces or comments")
    if not local.isprintable():
        raise _Refused("the part before the @ has a character that cannot be seen")
    # RFC 2047 section 5 forbids encoded words here, and yet some servers decode them.
    if "=?" in local:
        raise _Refused("the part before the @ looks like an encoded word")
    if len(local.encode()) > MAX_LOCAL_OCTETS:
        raise _Refused(f"the part before the @ is longer than {MAX_LOCAL_OCTETS} octets")


def _domain(domain: str) -> str:
    if domain.startswith("["):
        _check_literal(domain)
        return domain
    labels = domain.split(".")
    if labels[-1].isascii() and labels[-1].isdigit():
        raise _Refused("an IP address must be in brackets, as in user@[192.0.2.1]")
    return ".".join(_label(label) for label in labels)


def _label(label: str) -> str:
    if label.isascii():
        if not _ASCII_LABEL.fullmatch(label):
            raise _Refused(f"{_shown(label)} cannot be a part of a domain")
        return label
    label = unicodedata.normalize("NFC", label.lower())
    if label[0] == "-" or label[-1] == "-" or not all(map(_is_label_char, label)):
        raise _Refused(f"{_shown(label)} cannot be a part of a domain")
    if len(label.encode("punycode")) + len("xn--") > MAX_LABEL_OCTETS:
        raise _Refused(f"{_shown(label)} is too long for a part of a domain")
    return label


def _is_label_char(char: str) -> bool:
    if char.isascii():
        return char.isalnum() or char == "-"
    return unicodedata.category(char)[0] in "LMN" or char in _IN_CONTEXT


def _check_literal(domain: str) -> None:
    """An address literal (RFC 5321 section 4.1.3): IPv4, or IPv6 with its tag."""
    inner = domain[1:-1] if domain.endswith("]") else ""
    try:
        if inner[:5].lower() == "ipv6:" and "%" not in inner:
            ipaddress.IPv6Address(inner[5:])
        else:
            ipaddress.IPv4Address(inner)
    except ValueError:
        raise _Refused(f"{_shown(domain)} is not an IP address in brackets") from None


def _shown(text: str) -> str:
    """`text` for a message to people: shortened, and with what cannot be printed escaped."""
    cut = text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 3] + "..."
    return repr(cut)
