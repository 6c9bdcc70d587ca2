"""Posts with an Idempotency-Key: the same key and body within a day gets the first answer again.

Answers of which something came are kept, in the transaction that stores the messages. A post of
which nothing was taken has changed nothing: its key is free, for the same body or another. One that
takes several transactions keeps in each what it has done so far, and goes on from there.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import WeakValueDictionary

from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import Conflict
from mail_proxy.store.values.intake import KeptAnswer

KEPT_S = 86400.0
HEADER = "Idempotency-Key"
TURN_S = 0.02  # of hashing, before other requests go on
PIECE_CHARS = 256 * 1024


class _Hash(Protocol):
    """One of hashlib's."""

    def update(self, data: bytes, /) -> None: ...


@dataclass(frozen=True, slots=True)
class PostKey:
    """tenant_id: whose key it is; empty for the admin's. body_sha256: of what was posted."""

    tenant_id: str
    key: str
    body_sha256: str

    def kept(self, answer: object, now: float) -> KeptAnswer:
        text = json.dumps(answer, ensure_ascii=False)
        return KeptAnswer(self.tenant_id, self.key, self.body_sha256, text, now)

    def answer_of(self, kept: KeptAnswer) -> Any:
        """The first answer. Raises Conflict when it was the answer to another body."""
        if kept.body_sha256 != self.body_sha256:
            raise Conflict(
                f"{HEADER}: this key was used for another body within the last 24 hours",
                hint="take a new key for each new post",
            )
        return json.loads(kept.response)


class Posts:
    """The posts that are under way, so that of two with one key the second waits for the first."""

    def __init__(self) -> None:
        # A lock lives as long as somebody holds it or waits for it.
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    def of(self, key: PostKey) -> asyncio.Lock:
        place = (key.tenant_id, key.key)
        lock = self._locks.get(place)
        if lock is None:
            lock = self._locks[place] = asyncio.Lock()
        return lock


async def sha256_of(messages: Sequence[object], rest: object, clock: Clock) -> str:
    """The same for the same values in the same order; others get a turn in between."""
    found = hashlib.sha256()
    turn_ends = clock.monotonic() + TURN_S
    for item in (rest, *messages):
        if clock.monotonic() > turn_ends:
            await asyncio.sleep(0)
            turn_ends = clock.monotonic() + TURN_S
        if has_bulk(item):
            await asyncio.to_thread(_update, found, item)
        else:
            found.update(_dumped(item))
        found.update(b"\n")
    return found.hexdigest()


def has_bulk(item: object) -> bool:
    """A posted file, or a whole mail: no second one of it is to be in memory, or looked at here."""
    if not isinstance(item, dict):
        return False
    attachments = item.get("attachments")
    parts = attachments if isinstance(attachments, list) else []
    return any(
        isinstance(value, str) and len(value) > PIECE_CHARS
        for part in (item, *parts)
        if isinstance(part, dict)
        for value in part.values()
    )


def _update(found: _Hash, item: object) -> None:
    for piece in _pieces(item):
        found.update(piece)


def _pieces(item: object) -> Iterator[bytes]:
    """What `_dumped` gives, its long texts in pieces."""
    if isinstance(item, str) and len(item) > PIECE_CHARS:
        yield b'"'
        for at in range(0, len(item), PIECE_CHARS):
            yield _dumped(item[at : at + PIECE_CHARS])[1:-1]
        yield b'"'
    elif isinstance(item, dict):
        yield b"{"
        for n, (name, value) in enumerate(item.items()):
            yield (b", " if n else b"") + _dumped(name) + b": "
            yield from _pieces(value)
        yield b"}"
    elif isinstance(item, list):
        yield b"["
        for n, value in enumerate(item):
            yield b", " if n else b""
            yield from _pieces(value)
        yield b"]"
    else:
        yield _dumped(item)


def _dumped(item: object) -> bytes:
    # ASCII, so that half a surrogate pair has a hash too.
    return json.dumps(item, default=repr).encode()
