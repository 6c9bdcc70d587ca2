"""The journal's lines: what is written is read again, and nothing else is taken for a record."""

from __future__ import annotations

from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.delivery.records import (
    Begun,
    Composed,
    Dotted,
    Ended,
    Header,
    Key,
    Replied,
    Settled,
    decode,
    encode_begun,
    encode_composed,
    encode_dotted,
    encode_ended,
    encode_header,
    encode_replied,
    encode_settled,
)
from mail_proxy.domain.reply import Reply

numbers = st.integers(0, 2**63 - 1)
anything = st.text(st.characters())  # lone surrogates and line breaks too
replies = st.builds(Reply, st.integers(200, 599), st.sampled_from(["", "5.1.1"]), anything)
LINE = encode_dotted(
    11, 22, "acme", "<1@acme.example>", [0, 1, 3], [Reply(250, "", ""), Reply(550, "", "no"), None]
)


@given(anything, anything)
def test_a_header_is_read_as_written(daemon_id: str, boot_id: str) -> None:
    header = Header(daemon_id, boot_id)
    assert decode(encode_header(header)) == header


@given(numbers, numbers)
def test_a_beginning_and_an_end_are_read_as_written(pk: int, token: int) -> None:
    assert decode(encode_begun(pk, token)) == Begun(Key(pk, token))
    assert decode(encode_composed(pk, token)) == Composed(Key(pk, token))
    assert decode(encode_ended(pk, token)) == Ended(Key(pk, token))


@given(anything, anything, st.dictionaries(st.integers(0, 10_000), st.none() | replies))
def test_a_dot_is_read_as_written(
    tenant_id: str, message_id: str, answers: dict[int, Reply | None]
) -> None:
    line = encode_dotted(7, 8, tenant_id, message_id, answers.keys(), answers.values())

    assert decode(line) == Dotted(
        Key(7, 8),
        tenant_id,
        message_id,
        tuple(p for p, reply in answers.items() if reply is not None and reply.is_positive),
        {p: reply for p, reply in answers.items() if reply is not None and not reply.is_positive},
    )


@given(replies | st.none(), anything)
def test_a_reply_is_read_as_written(reply: Reply | None, lost: str) -> None:
    line = encode_replied(7, 8, reply, lost)
    assert decode(line) == Replied(Key(7, 8), reply, "" if reply is not None else lost)


@given(st.sets(st.builds(Key, numbers, numbers), min_size=1))
def test_what_is_settled_is_read_as_written(keys: set[Key]) -> None:
    assert decode(encode_settled(keys)) == Settled(frozenset(keys))


@given(anything, anything)
def test_every_record_is_one_line(tenant_id: str, text: str) -> None:
    line = encode_dotted(1, 2, tenant_id, text, [0], [Reply(550, "", text)])
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")


@pytest.mark.parametrize("end", range(len(LINE) - 1))
def test_a_torn_line_is_no_record(end: int) -> None:
    assert decode(LINE[:end]) is None


def test_a_line_without_its_break_is_whole() -> None:
    assert decode(LINE[:-1]) == decode(LINE)


@pytest.mark.parametrize("at", range(len(LINE) - 1))
@pytest.mark.parametrize("bit", [0, 5])
def test_a_damaged_line_is_no_record(at: int, bit: int) -> None:
    damaged = bytearray(LINE)
    damaged[at] ^= 1 << bit
    assert decode(bytes(damaged)) is None


@given(st.binary(max_size=200))
def test_a_foreign_line_is_no_record(line: bytes) -> None:
    assert decode(line) is None
    assert decode(b"%08x %s\n" % (crc32(line), line)) is None  # with a sum that is right, too


@pytest.mark.parametrize(
    "text",
    [
        b'["H",2,"d","b"]',
        b'["B",1]',
        b'["B","1","2"]',
        b'["D",1,2,"acme","<1@x>",5,[]]',
        b'["D",1,2,"acme","<1@x>",[0],[[1]]]',
        b'["D",1,2,"acme","<1@x>",[0],7]',
        b'["R",1,2]',
        b'["R",1,2,250]',
        b'["S",1]',
        b'["X"]',
        b"[]",
        b"{}",
        b"7",
        b"[" * 20_000,
    ],
)
def test_a_line_of_another_make_is_no_record(text: bytes) -> None:
    assert decode(b"%08x %s\n" % (crc32(text), text)) is None
