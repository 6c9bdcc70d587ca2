"""What the command log may show of a request."""

from __future__ import annotations

import re
from typing import Any

MASK = "********"

_SECRET = re.compile(
    r"passw(or)?d|passphrase|secret|token|api_?key|authorization|credential|private_?key|"
    r"account_?key|connection_?string|service_?account",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"^has_|_at$", re.IGNORECASE)  # has_password, api_key_expires_at
_CONTAINERS = frozenset({"auth", "client_auth"})  # {method, user, password}: only parts are secret
_USERINFO = re.compile(r"(?<=://)[^/?#]*@")
_DEEPEST = 40  # no request of ours is deeper; a hostile one must not end in a RecursionError


def mask(value: Any, *, _depth: int = 0) -> Any:
    """A copy of a JSON value in which what looks secret is `MASK`; null stays null.

    Keys decide: a value below `password`, `token`, `secret`, `api_key` and their kin is masked
    whole. User names and passwords inside URLs go too. Texts and bodies are left as they are.
    """
    if _depth > _DEEPEST:
        return "..."
    if isinstance(value, dict):
        return {key: _masked_item(str(key), item, _depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mask(item, _depth=_depth + 1) for item in value]
    return value


def _masked_item(key: str, item: Any, depth: int) -> Any:
    if item is None or isinstance(item, bool):
        return item
    if key.lower() in _CONTAINERS:
        return mask(item, _depth=depth) if isinstance(item, dict) else MASK
    if _SECRET.search(key) and not _PLAIN.search(key):
        return MASK
    if isinstance(item, str) and key.lower().endswith("url"):
        return _USERINFO.sub(f"{MASK}@", item)
    return mask(item, _depth=depth)
