"""The lines of the attempt journal: one for each step of an attempt, each with its own checksum.

A line is the CRC-32 of its text in eight hex digits, a space, and the text: a JSON array that
begins with a letter. `encode_*` make lines, `decode` reads them; a torn or foreign line is no
record.

The arrays are put together by hand: `json.dumps` of a short list takes 3 us, this takes 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, NamedTuple, TypeAlias
from zlib import crc32

from mail_proxy.domain.reply import Reply

VERSION = 1  # of this file's lines


class Key(NamedTuple):
    """One attempt: a message under one lease is tried once."""

    pk: int
    lease_token: int


class Header(NamedTuple):
    """The first line of a segment."""

    daemon_id: str
    boot_id: str


class Begun(NamedTuple):
    """The attempt has begun; nothing is composed yet."""

    key: Key


class Composed(NamedTuple):
    """The mail is put together: what could take the daemon down has done no harm."""

    key: Key


class Dotted(NamedTuple):
    """The final dot is about to leave.

    accepted: positions of the recipients that the server took. refused: of the others, and why.
    """

    key: Key
    tenant_id: str
    message_id: str
    accepted: tuple[int, ...]
    refused: dict[int, Reply]


class Replied(NamedTuple):
    """The reply to the dot was read; or will never be, for `lost` says why."""

    key: Key
    reply: Reply | None
    lost: str = ""


class Ended(NamedTuple):
    """The attempt is over, and no dot was sent."""

    key: Key


class Settled(NamedTuple):
    """The results of these attempts are committed."""

    keys: frozenset[Key]


Record: TypeAlias = Header | Begun | Composed | Dotted | Replied | Ended | Settled


# --- writing ---


def encode_header(header: Header) -> bytes:
    return _line(f'["H",{VERSION},{quoted(header.daemon_id)},{quoted(header.boot_id)}]')


def encode_begun(pk: int, token: int) -> bytes:
    return _line(f'["B",{pk},{token}]')


def encode_composed(pk: int, token: int) -> bytes:
    return _line(f'["C",{pk},{token}]')


def encode_dotted(
    pk: int,
    token: int,
    tenant_id: str,
    message_id: str,
    positions: Iterable[int],
    replies: Iterable[Reply | None],
) -> bytes:
    """positions and replies: of all recipients that were asked, in the same order."""
    accepted: list[int] = []
    refused: list[str] = []
    for position, reply in zip(positions, replies, strict=True):
        if reply is None:
            continue
        if reply.is_positive:
            accepted.append(position)
        else:
            refused.append(f"[{position},{_reply(reply)}]")
    named = f"{quoted(tenant_id)},{quoted(message_id)}"
    return _line(f'["D",{pk},{token},{named},{accepted},[{",".join(refused)}]]')


def encode_replied(pk: int, token: int, reply: Reply | None, lost: str | None) -> bytes:
    told = _reply(reply) if reply is not None else f'null,"",{quoted(lost or "")}'
    return _line(f'["R",{pk},{token},{told}]')


def encode_ended(pk: int, token: int) -> bytes:
    return _line(f'["E",{pk},{token}]')


def encode_settled(keys: Iterable[Key]) -> bytes:
    return _line(f'["S",{",".join(f"{pk},{token}" for pk, token in keys)}]')


def _reply(reply: Reply) -> str:
    return f"{reply.code},{quoted(reply.enhanced)},{quoted(reply.text)}"


def _line(text: str) -> bytes:
    data = text.encode("ascii")  # all text that is not ours is quoted, and so ASCII without breaks
    return b"%08x %s\n" % (crc32(data), data)


# --- reading ---


def decode(line: bytes) -> Record | None:
    """None for a line that is torn, damaged, or not ours."""
    checksum, _, data = line.rstrip(b"\n").partition(b" ")
    if checksum != b"%08x" % crc32(data):
        return None
    try:
        return _record(json.loads(data))
    except (ValueError, TypeError, RecursionError):  # a checksum proves no authorship
        return None


def _record(fields: list[Any]) -> Record | None:
    match fields:
        case ["H", int(version), str(daemon_id), str(boot_id)] if version == VERSION:
            return Header(daemon_id, boot_id)
        case ["B", int(pk), int(token)]:
            return Begun(Key(pk, token))
        case ["C", int(pk), int(token)]:
            return Composed(Key(pk, token))
        case ["D", int(pk), int(token), str(tenant_id), str(message_id), accepted, refused]:
            return Dotted(
                Key(pk, token),
                tenant_id,
                message_id,
                tuple(map(int, accepted)),
                {int(position): _as_reply(*reply) for position, *reply in refused},
            )
        case ["R", int(pk), int(token), None, "", str(lost)]:
            return Replied(Key(pk, token), None, lost)
        case ["R", int(pk), int(token), *reply]:
            return Replied(Key(pk, token), _as_reply(*reply))
        case ["E", int(pk), int(token)]:
            return Ended(Key(pk, token))
        case ["S", *numbers]:
            return Settled(_keys(numbers))
        case _:
            return None


def _as_reply(code: int, enhanced: str, text: str) -> Reply:
    return Reply(int(code), str(enhanced), str(text))


def _keys(numbers: Sequence[Any]) -> frozenset[Key]:
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return frozenset(Key(int(pk), int(token)) for pk, token in pairs)
