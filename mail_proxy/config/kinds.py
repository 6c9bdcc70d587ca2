"""What a setting's text may be: one parser for each kind of value.

A parser returns the value, or raises ValueError with the words after "must be". Standard library
only, and little of it: the CLI loads this at each start.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mail_proxy.domain.message import PRIORITIES

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_LEVELS = {"WARN": "WARNING", "FATAL": "CRITICAL"}
_LEVEL_NAMES = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}\Z|[0-9A-Fa-f:.]{2,45}(%[A-Za-z0-9._-]{1,32})?\Z")
_HOST_NAME = re.compile(r"(?=.*[a-z])[a-z0-9_-][a-z0-9._-]{0,252}\Z")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}\Z")
_URL = re.compile(r"https?://[^\s/?#@\\]+(?:[/?#][^\s\\]*)?\Z", re.IGNORECASE)
_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,18}\s*\Z")
_DECIMAL = re.compile(r"\s*[+-]?[0-9]{1,18}(\.[0-9]{0,18})?\s*\Z")
_VISIBLE = re.compile(r"[\x21-\x7e]+\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SQLITE_URL = "sqlite:///"
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Kind:
    """`words` follow "must be" in errors and stand in the manual."""

    words: str
    parse: Callable[[str], Any]


class NotSupportedYet(ValueError):
    """The value is understood and cannot be served; the text is the whole sentence."""


def boolean() -> Kind:
    words = "1, true, yes or on; or 0, false, no or off"

    def parse(text: str) -> bool:
        lowered = text.strip().lower()
        if lowered not in _TRUE | _FALSE:
            raise ValueError(words)
        return lowered in _TRUE

    return Kind(words, parse)


def integer(low: int, high: int) -> Kind:
    words = f"a whole number from {low} to {high}"

    def parse(text: str) -> int:
        # The length is checked first: a number of thousands of digits is slow, then an error.
        if not _INTEGER.match(text):
            raise ValueError(words)
        number = int(text)
        if not low <= number <= high:
            raise ValueError(words)
        return number

    return Kind(words, parse)


def decimal(low: float, high: float, *, unit: str, scale: int | None = None) -> Kind:
    """A number of `unit`; with `scale`, the value is a whole number of a smaller unit."""
    words = f"a number of {unit} from {low:g} to {high:g}"

    def parse(text: str) -> float | int:
        # Not by float() alone: it takes "1_0", "nan" and digits of every script.
        if not _DECIMAL.match(text):
            raise ValueError(words)
        number = float(text)
        if not low <= number <= high:
            raise ValueError(words)
        return number if scale is None else int(number * scale)

    return Kind(words, parse)


def seconds_list(high: float) -> Kind:
    """Waits in seconds by commas, as a tuple."""
    words = f"one to 1000 numbers of seconds from 0 to {high:g}, by commas"
    one = decimal(0, high, unit="seconds")

    def parse(text: str) -> tuple[float, ...]:
        parts = text.split(",", 1001)
        if len(parts) > 1000:
            raise ValueError(words)
        try:
            return tuple(float(one.parse(part)) for part in parts)
        except ValueError:
            raise ValueError(words) from None

    return Kind(words, parse)


def matching(pattern: re.Pattern[str], words: str) -> Kind:
    def parse(text: str) -> str:
        if not pattern.match(text.strip()):
            raise ValueError(words)
        return text.strip()

    return Kind(words, parse)


def host() -> Kind:
    return matching(_HOST, "a host name or an IP address, without brackets and port")


def networks() -> Kind:
    """Networks, addresses and host names by commas, as a tuple."""
    words = "networks as 10.0.0.0/8, addresses or host names, by commas"

    def parse(text: str) -> tuple[str, ...]:
        entries = [entry.strip().lower() for entry in text.split(",") if entry.strip()]
        if len(entries) > 1000 or not all(_is_network(e) or _HOST_NAME.match(e) for e in entries):
            raise ValueError(words)
        return tuple(dict.fromkeys(entries))

    return Kind(words, parse)


def _is_network(text: str) -> bool:
    import ipaddress  # not at the top: 5 ms of each start, for a setting that few have

    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def name() -> Kind:
    return matching(_NAME, "at most 63 letters, digits, spaces, '.', '_' and '-'")


def url() -> Kind:
    return matching(_URL, "an http or https URL without user and password")


def token() -> Kind:
    """A token travels in a header: visible ASCII. It is never stripped or shown."""
    words = "visible ASCII characters, at least one, no spaces"

    def parse(text: str) -> str:
        if not _VISIBLE.match(text):
            raise ValueError(words)
        return text

    return Kind(words, parse)


def line() -> Kind:
    """Any text of one line, as it is."""
    words = "one line of printable characters"

    def parse(text: str) -> str:
        if not text.isprintable():  # lone surrogates are not: bytes that are no UTF-8
            raise ValueError(words)
        return text

    return Kind(words, parse)


def level() -> Kind:
    words = ", ".join(_LEVEL_NAMES[:-1]) + f" or {_LEVEL_NAMES[-1]}"

    def parse(text: str) -> str:
        upper = text.strip().upper()
        upper = _LEVELS.get(upper, upper)
        if upper not in _LEVEL_NAMES:
            raise ValueError(words)
        return upper

    return Kind(words, parse)


def debug() -> Kind:
    """A switch for the log level: DEBUG, or None to leave it alone."""
    switch = boolean()
    return Kind(switch.words, lambda text: "DEBUG" if switch.parse(text) else None)


def choice(*allowed: str) -> Kind:
    words = " or ".join(allowed)

    def parse(text: str) -> str:
        lowered = text.strip().lower()
        if lowered not in allowed:
            raise ValueError(words)
        return lowered

    return Kind(words, parse)


def priority() -> Kind:
    words = "0 to 3, or immediate, high, medium or low"

    def parse(text: str) -> int:
        lowered = text.strip().lower()
        for word, number in PRIORITIES.items():
            if lowered in (word, str(number)):
                return number
        raise ValueError(words)

    return Kind(words, parse)


def folder() -> Kind:
    return Kind("a folder", lambda text: _path(text, "a folder"))


def absolute_folder() -> Kind:
    """A daemon may run in another folder than the one where the setting was made."""
    words = "the absolute path of a folder"
    return Kind(words, lambda text: _absolute(text, words))


def absolute_folders() -> Kind:
    words = "absolute paths of folders, by commas"

    def parse(text: str) -> tuple[str, ...]:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return tuple(dict.fromkeys(_absolute(part, words) for part in parts))

    return Kind(words, parse)


def _absolute(text: str, words: str) -> str:
    path = _path(text, words)
    if not path.startswith("/") or ".." in path.split("/"):
        raise ValueError(words)
    return path


def database() -> Kind:
    """A path, or sqlite:///path; the value is the path as given."""
    words = "the path of a SQLite file, or sqlite:/// and that path"

    def parse(text: str) -> str:
        scheme = text.partition("://")[0].lower() if "://" in text else ""
        if scheme.partition("+")[0] in {"postgresql", "postgres"}:
            raise NotSupportedYet("PostgreSQL is not supported yet")
        if scheme and not text.startswith(_SQLITE_URL):
            raise ValueError(words)
        path = text.removeprefix(_SQLITE_URL)
        if path == ":memory:" or path.endswith("/") or (scheme and "?" in path):
            raise ValueError(words)
        return _path(path, words)

    return Kind(words, parse)


def key() -> Kind:
    words = f"base64 of {_KEY_BYTES} bytes"

    def parse(text: str) -> bytes:
        try:
            decoded = base64.b64decode(text.strip(), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(words) from None
        if len(decoded) != _KEY_BYTES:
            raise ValueError(words)
        return decoded

    return Kind(words, parse)


def _path(text: str, words: str) -> str:
    if not text.strip() or _CONTROL.search(text):
        raise ValueError(words)
    return text
