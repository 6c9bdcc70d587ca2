"""The second wall: secrets that slipped into a text are cut out before it is written.

The first wall is that nobody logs one. This one knows shapes, not values, so it may miss some.
"""

from __future__ import annotations

import re

MASK = "********"

SHORTEST = 8  # characters: less cannot hold a secret and what marks it
SECRET_FIELDS = frozenset({"password", "token", "secret", "api_key", "authorization", "auth"})

# Searching for words is far cheaper than matching patterns, and most texts have none of them.
_HINTS = (
    "passw",
    "passphrase",
    "secret",
    "token",
    "authorization",
    "api",
    "accountkey",
    "account_key",
    "bearer ",
    "basic ",
    "auth ",
    "authenticate ",
    "mp_",
    "whsec_",
    "://",
    "sig",
)
# A quoted value may hold escaped quotes, and a text that was cut has no closing one.
_VALUE = r"""(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s"',;&}\]]+)"""
_PATTERNS = (
    # Authorization: Bearer abc; {'Authorization': 'Basic abc'}
    re.compile(r"(?i)(authorization[\"']?\s*[:=]\s*[\"']?)(?:(?:basic|bearer)\s+)?[^\s\"',;}]+"),
    re.compile(r"(?i)\b((?:bearer|basic)\s+)[A-Za-z0-9+/=_.~-]{8,}"),
    # The SMTP and IMAP commands that carry a login
    re.compile(r"(?i)\b(auth(?:enticate)? (?:plain|login|cram-md5|xoauth2|oauthbearer)\s+)\S+"),
    re.compile(
        r"(?i)((?:passw(?:or)?d|passphrase|secret|token|(?:api|account)[_-]?key)s?[\"']?\s*[:=]\s*)"
        + _VALUE
    ),
    re.compile(r"(?i)([?&](?:x-amz-signature|x-goog-signature|signature|sig)=)[^&\s\"']+"),
    re.compile(r"()mp_[A-Za-z0-9_-]{20,}"),
    re.compile(r"()whsec_[A-Za-z0-9+/=]{20,}"),
    re.compile(r"(://)[^\s/\"'?#]+(?=@)"),  # up to the last `@`, as those who call it read it
)


def redact(text: str) -> str:
    """`text` with everything that looks like a secret replaced by `MASK`."""
    if len(text) < SHORTEST:
        return text
    lowered = text.lower()
    if not any(hint in lowered for hint in _HINTS):
        return text
    for pattern in _PATTERNS:
        text = pattern.sub(_cut, text)
    return text


def _cut(match: re.Match[str]) -> str:
    return match[1] + MASK
