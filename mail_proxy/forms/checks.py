"""Checks of typed answers: the value, or a BadAnswer that says what would be one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from mail_proxy.config.instances import ENTITY_ID, RESERVED
from mail_proxy.domain.report_url import DEFAULT_SYNC_PATH
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.forms.fields import BadAnswer

_NOT_IN_A_HOST = frozenset(" /@\\?#%,;<>\"'")


def entity_id(text: str) -> str:
    """The id of an account."""
    if not ENTITY_ID.match(text):
        raise BadAnswer("letters, digits, '-' and '_', 1 to 64 of them")
    return text


def tenant_id(text: str) -> str:
    """The id of a tenant: no word that is a command."""
    if entity_id(text) in RESERVED:
        raise BadAnswer(f"'{text}' is a command; take another word")
    return text


def line(text: str) -> str | None:
    """Any text without controls; nothing is no answer."""
    if not text.isprintable():
        raise BadAnswer("no control characters")
    return text or None


def host(text: str) -> str:
    """A host name or an address."""
    if not text or not text.isprintable() or not _NOT_IN_A_HOST.isdisjoint(text):
        raise BadAnswer("a host name or an address, as in smtp.example.com")
    return text


def port(text: str) -> int:
    return number(1, 65535)(text)


def url(text: str) -> str | None:
    """An http or https URL, or nothing."""
    if not text:
        return None
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and text.isprintable()
    except ValueError:
        is_good = False
    if not is_good or " " in text:
        raise BadAnswer("http:// or https:// and a host, or nothing")
    return text


def path(text: str) -> str | None:
    """The path of a URL, or nothing."""
    if text and (not text.startswith("/") or not text.isprintable() or " " in text):
        raise BadAnswer(f"a path that begins with /, as in {DEFAULT_SYNC_PATH}")
    return text or None


def secret(text: str) -> str:
    if not text:
        raise BadAnswer("it cannot be empty")
    if not text.isprintable():
        raise BadAnswer("no control characters")
    return text


def number(low: int, high: int) -> Callable[[str], int]:
    """A whole number in a range."""

    def check(text: str) -> int:
        # isdecimal alone would take digits of other scripts, and int() a sign and underscores.
        if not (text.isascii() and text.isdecimal()) or not low <= int(text[:12]) <= high:
            raise BadAnswer(f"a number from {low} to {high}")
        return int(text)

    return check


def limit(text: str) -> int | None:
    """A number of messages; 0 or nothing is no limit."""
    return (number(0, 2**31 - 1)(text) or None) if text else None


_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def span(text: str) -> int | None:
    """A time such as 90, 30m, 12h or 5d, in seconds; 0 or nothing is none."""
    unit_s = _UNITS_S.get(text[-1:].lower())
    digits = text if unit_s is None else text[:-1]
    if not text:
        return None
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 9):
        raise BadAnswer("a time such as 90s, 30m, 12h or 5d")
    return int(digits) * (unit_s or 1) or None


def waits(text: str) -> list[float] | None:
    """Times by commas, as in 60s,5m,1h; nothing is none."""
    found = [span(part.strip()) for part in text.split(",")] if text else []
    if None in found or len(found) > 1000:
        raise BadAnswer("times by commas, as in 60s,5m,1h")
    return [float(wait) for wait in found if wait] or None


def choice(*words: str) -> Callable[[str], str]:
    """One of some words."""

    def check(text: str) -> str:
        if text.lower() not in words:
            raise BadAnswer(f"one of {', '.join(words)}")
        return text.lower()

    return check


def word_of(*words: str) -> Callable[[str], str]:
    """One of some words, beside a question for a secret: what is wrong may be the secret."""
    known = choice(*words)

    def check(text: str) -> str:
        try:
            return known(text)
        except BadAnswer as error:
            raise BadAnswer(f"{error}; a password is asked for next, and not shown") from None

    return check


def one_of(*ids: str) -> Callable[[str], str]:
    """One of some ids, letter for letter."""

    def check(text: str) -> str:
        if text not in ids:
            known = ", ".join(safe_text(id_, 64) for id_ in ids[:10])
            raise BadAnswer(f"one of {known}{', ...' if len(ids) > 10 else ''}")
        return text

    return check


def is_good(check: Callable[[str], Any], text: str) -> bool:
    """Whether a text passes a check."""
    try:
        check(text)
    except BadAnswer:
        return False
    return True
