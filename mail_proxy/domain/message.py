"""Checks of what a caller may put in a message, its names in foreign hands included."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mail_proxy.domain.errors import Invalid

PRIORITIES: dict[str, int] = {"immediate": 0, "high": 1, "medium": 2, "low": 3}
PRIORITY_WORDS = tuple(PRIORITIES)  # by number
LOWEST_PRIORITY = max(PRIORITIES.values())
IMMEDIATE = PRIORITIES["immediate"]  # does not wait for the next claim

# Why the queue takes a message not.
NO_ACCOUNT = "account not found for tenant"
ALREADY_SENT = "already sent"
QUEUE_FULL = "queue full"

_WORDS = PRIORITIES | {"normal": PRIORITIES["medium"]}
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")

MAX_ID_CHARS = 255
MAX_BATCH_CODE_CHARS = 64
WHOLE_TENANT = "*"  # what a suspension of everything is called, so no batch may be

MAX_HEADERS = 200
MAX_HEADER_NAME_CHARS = 76
MAX_LINE_CHARS = 16384  # of one header value, before folding
MAX_MESSAGE_ID_CHARS = 900  # it cannot be folded, and a line ends at 998

_NOT_TEXT = re.compile(r"[\x00\ud800-\udfff]")
_NOT_LINE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # a tab is let in
_NAME = re.compile(r"[!-9;-~]+")  # RFC 5322 section 3.6.8
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")  # visible ASCII but < > @

# They have a field of their own, or are written by us, or speak for a relay or a signer.
_RESERVED = frozenset(
    {
        *("from", "sender", "to", "cc", "bcc", "date", "message-id", "mime-version"),
        *("return-path", "received", "authentication-results", "x-genro-mail-id"),
    }
)
_RESERVED_PREFIXES = ("content-", "dkim-", "arc-", "resent-")


def check_text(value: object, *, field: str) -> str:
    """Text of any length and lines: no NUL, no half of a surrogate pair."""
    if not isinstance(value, str):
        raise Invalid(f"{field} must be text, not {type(value).__name__}", field=field)
    if value.isascii() and "\x00" not in value:  # most are, and it takes no walk through the text
        return value
    if found := _NOT_TEXT.search(value):
        raise Invalid(f"{field} contains the character U+{ord(found[0]):04X}", field=field)
    return value


def check_line(value: object, *, field: str) -> str:
    """Text for one header: no line ends, no controls but the tab."""
    if not isinstance(value, str):
        raise Invalid(f"{field} must be text, not {type(value).__name__}", field=field)
    if not value.isprintable() and (found := _NOT_LINE.search(value)):
        raise Invalid(f"{field} contains the character U+{ord(found[0]):04X}", field=field)
    if len(value) > MAX_LINE_CHARS:
        raise Invalid(f"{field} is longer than {MAX_LINE_CHARS} characters", field=field)
    return value


def check_headers(headers: object) -> dict[str, str]:
    """The caller's own headers as text; those with the value None are left out.

    Of two names that differ only in case the later one wins. Raises Invalid with the field
    `headers.<Name>` for a reserved name, a name that is none (RFC 5322 section 3.6.8), and a value
    with a line end or another control.
    """
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        raise Invalid("headers must be an object of names and values", field="headers")
    if len(headers) > MAX_HEADERS:
        raise Invalid(f"there are more than {MAX_HEADERS} headers", field="headers")
    kept: dict[str, tuple[str, str]] = {}
    for name, value in headers.items():
        _check_header_name(name)
        if value is not None:
            kept[name.lower()] = (name, _header_text(value, field=f"headers.{name}"))
    return dict(kept.values())


def _check_header_name(name: object) -> None:
    if not isinstance(name, str) or len(name) > MAX_HEADER_NAME_CHARS or not _NAME.fullmatch(name):
        shown = ascii(name)[:MAX_HEADER_NAME_CHARS]
        raise Invalid(f"{shown} cannot be the name of a header", field="headers")
    lowered = name.lower()
    if lowered in _RESERVED or lowered.startswith(_RESERVED_PREFIXES):
        raise Invalid(f"the header {name} cannot be set", field=f"headers.{name}")


def _header_text(value: object, *, field: str) -> str:
    if isinstance(value, bool | float):
        return str(value)
    if isinstance(value, int):
        # str() of a number with thousands of digits is refused by Python, late and rudely.
        if value.bit_length() > 1024:
            raise Invalid(f"{field} is too large a number", field=field)
        return str(value)
    return check_line(value, field=field)


def check_id(value: object) -> str:
    """A caller's name for a message: 1 to 255 printable characters."""
    return _check_name(value, field="id", limit=MAX_ID_CHARS)


def check_batch_code(value: object) -> str:
    """A campaign's name: 1 to 64 printable characters, no comma, not the whole tenant's `*`."""
    code = _check_name(value, field="batch_code", limit=MAX_BATCH_CODE_CHARS)
    if "," in code or code == WHOLE_TENANT:
        raise Invalid("batch_code may not contain a comma nor be '*'", field="batch_code")
    return code


def _check_name(value: object, *, field: str, limit: int) -> str:
    if not isinstance(value, str):
        raise Invalid(f"{field} must be text, not {type(value).__name__}", field=field)
    if not 1 <= len(value) <= limit:
        raise Invalid(f"{field} must have 1 to {limit} characters", field=field)
    if not value.isprintable():
        raise Invalid(f"{field} contains a character that cannot be printed", field=field)
    return value


def parse_priority(value: object) -> int:
    """0 (immediate) to 3 (low), of a number, which is clamped, or of a label."""
    if isinstance(value, int) and not isinstance(value, bool):
        return min(max(value, 0), LOWEST_PRIORITY)
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _WORDS:
            return _WORDS[word]
        if _NUMBER.fullmatch(word):
            return min(max(int(word), 0), LOWEST_PRIORITY)
    labels = ", ".join(PRIORITIES)
    raise Invalid(f"priority must be one of {labels}, or a number from 0 to 3", field="priority")


def message_id_for(domain: str, random: bytes) -> str:
    """A Message-ID of our own, `<random@domain>`.

    random: at least 16 octets of chance. They make the local part, and that alone is unique, for
    some certified-mail providers rewrite the domain.
    domain: as `Address.domain` gives it; U-labels become A-labels.
    """
    labels = (
        label if label.isascii() else f"xn--{label.encode('punycode').decode()}"
        for label in domain.split(".")
    )
    return f"<{random.hex()}@{'.'.join(labels)}>"


def check_message_id(value: object, *, field: str = "message_id") -> str:
    """A Message-ID as the caller wrote it, angle brackets included (RFC 5322 section 3.6.4)."""
    if not isinstance(value, str) or len(value) > MAX_MESSAGE_ID_CHARS:
        raise Invalid(f"{field} must be text, at most {MAX_MESSAGE_ID_CHARS} long", field=field)
    if not _MESSAGE_ID.fullmatch(value):
        raise Invalid(f"{field} must look like <local@domain>, without spaces", field=field)
    return value
