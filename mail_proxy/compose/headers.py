"""Header fields as bytes on the wire, folded, with encoded words (RFC 5322 2.2, RFC 2047).

Written here and not by the standard library: its folding loses the quotes of a long display name
(seen in Python 3.11.7), so that a name with commas becomes many addresses; and it takes a hundred
times as long. Values are checked before they come here: no line ends, no controls but the tab.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

from mail_proxy.compose.body import MAX_LINE
from mail_proxy.domain.address import Address

FOLD_AT = 78  # RFC 5322 section 2.1.1, without the CRLF
ENCODED_FOLD_AT = 76  # RFC 2047 section 2
_WORD_OVERHEAD = len("=?utf-8?q??=")
_LEAST_ROOM = 24  # after a very long name the line is longer rather than the word empty
_LONGEST_WORD = 60  # of a display name that is not encoded: it cannot be folded

_MAX_KEPT_CHARS = 200  # of a display name in a field that is remembered

_CHUNKS = re.compile(r" ( *[^ ]+)")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?: [A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*")
_TO_ESCAPE = re.compile(r'(["\\])')
_AS_IS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_Q = tuple(  # RFC 2047 section 5 (3): what is safe in a display name is safe anywhere
    chr(octet) if octet in _AS_IS else "_" if octet == 0x20 else f"={octet:02X}"
    for octet in range(256)
)


def text_field(name: str, value: str) -> str:
    """An unstructured field, such as Subject."""
    if _is_plain(value):
        line = f"{name}: {value}\r\n"
        if len(line) <= FOLD_AT + 2:
            return line
        tokens = _CHUNKS.findall(" " + value)
        if max(map(len, tokens)) + len(name) + 2 <= MAX_LINE:
            return _filled(name, tokens, FOLD_AT)
    return _filled(name, _encoded_words(value, len(name) + 2), ENCODED_FOLD_AT)


def literal_field(name: str, value: str) -> str:
    """A field that may not be folded or encoded: Message-ID, MIME's own."""
    return f"{name}: {value}\r\n"


def date_field(date: float) -> str:
    """Date, in UTC. date: seconds since the epoch."""
    return _date_field(int(date))


@lru_cache(maxsize=64)  # a busy second has thousands of mails
def _date_field(second: int) -> str:
    return f"Date: {format_datetime(datetime.fromtimestamp(second, UTC))}\r\n"


def address_field(name: str, addresses: Sequence[Address]) -> str:
    """From, To, Cc or Reply-To; a non-ASCII local part stays as it is (RFC 6532)."""
    if len(addresses) == 1:
        (address,) = addresses
        if not address.display:
            return f"{name}: {address.addr_spec}\r\n"
        if len(address.display) <= _MAX_KEPT_CHARS:
            return _named_field(name, address)
    return _address_field(name, addresses)


@lru_cache(maxsize=256)  # the same From stands in many mails
def _named_field(name: str, address: Address) -> str:
    return _address_field(name, (address,))


def _address_field(name: str, addresses: Sequence[Address]) -> str:
    tokens: list[str] = []
    for address in addresses:
        tokens += _mailbox(address, len(name) + 2)
        tokens[-1] += ","
    tokens[-1] = tokens[-1][:-1]
    return _filled(name, tokens, ENCODED_FOLD_AT)


def _mailbox(address: Address, used: int) -> list[str]:
    """The tokens between which a line may be folded."""
    display = address.display
    if not display or display.isspace():
        return [address.addr_spec]
    angled = f"<{address.addr_spec}>"
    return [*_phrase(display, used), angled]


def _phrase(display: str, used: int) -> list[str]:
    """A display name as atoms, one quoted string, or encoded words."""
    if _is_plain(display):
        words = display.split(" ")
        if max(map(len, words)) <= _LONGEST_WORD and _ATOMS.fullmatch(display):
            return words
        if len(display) <= _LONGEST_WORD:
            escaped = _TO_ESCAPE.sub(r"\\\1", display)
            return [f'"{escaped}"']
    return _encoded_words(display, used)


def _is_plain(value: str) -> bool:
    """Readers see it as it is written: visible ASCII and single lines, nothing to decode."""
    return (
        value.isascii()
        and value.isprintable()
        and "=?" not in value
        and value[:1] != " "
        and value[-1:] != " "
    )


def _filled(name: str, tokens: Iterable[str], limit: int) -> str:
    """Tokens one space apart, in lines of at most `limit` where their lengths allow it.

    The first one is never folded away from the name: some readers take an empty line for the end.
    """
    lines, line, is_first = [], f"{name}:", True
    for token in tokens:
        if len(line) + 1 + len(token) > limit and not is_first:
            lines.append(line)
            line = ""
        line = f"{line} {token}"
        is_first = False
    return "\r\n".join([*lines, line, ""])


def _encoded_words(text: str, used: int) -> list[str]:
    """Encoded words of at most 75 characters, each of whole characters (RFC 2047 section 5).

    used: columns taken in the first line; every word is made to fit there.
    """
    room = max(ENCODED_FOLD_AT - used, _LEAST_ROOM) - _WORD_OVERHEAD
    octets = [char.encode() for char in text]
    q_costs = [sum(len(_Q[octet]) for octet in char) for char in octets]
    if sum(q_costs) * 3 <= sum(map(len, octets)) * 4:
        return [f"=?utf-8?q?{_q(word)}?=" for word in _cut(octets, q_costs, room)]
    sizes = [len(char) for char in octets]
    return [f"=?utf-8?b?{b64encode(w).decode()}?=" for w in _cut(octets, sizes, room // 4 * 3)]


def _q(word: bytes) -> str:
    return "".join([_Q[octet] for octet in word])


def _cut(chars: list[bytes], costs: list[int], room: int) -> list[bytes]:
    """Runs of characters whose costs add up to at most `room` each."""
    words, start, spent = [], 0, 0
    for at, cost in enumerate(costs):
        if spent + cost > room:
            words.append(b"".join(chars[start:at]))
            start, spent = at, 0
        spent += cost
    return [*words, b"".join(chars[start:])]
