"""Contents as parts of a mail: base64 while it is read, pieces one after the other."""

from __future__ import annotations

import binascii
import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.compose.base64 import Base64Content, encoded
from mail_proxy.compose.pieces import PiecedMail, Rest
from mail_proxy.domain.content import BLOCK_BYTES, BytesContent
from mail_proxy.domain.errors import ContentChanged


class Cut:
    """A content that comes in these blocks."""

    def __init__(self, *blocks: bytes) -> None:
        self._blocks = blocks

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self._blocks))

    def blocks(self) -> Iterator[bytes]:
        yield from self._blocks


def by_lines(data: bytes) -> bytes:
    lines = [binascii.b2a_base64(data[at : at + 57]) for at in range(0, len(data), 57)]
    return b"".join(lines).replace(b"\n", b"\r\n")


@given(st.lists(st.binary(max_size=150)))
def test_base64_is_the_same_wherever_the_content_is_cut(blocks: list[bytes]) -> None:
    content = Base64Content(Cut(*blocks))
    data = b"".join(content.blocks())
    assert data == by_lines(b"".join(blocks))
    assert content.size_bytes == len(data)


@pytest.mark.parametrize("size", [0, 1, 56, 57, 58, 57 * 256, 57 * 256 + 1, 57 * 600 - 1, 100_000])
def test_base64_of_any_size_is_whole_lines(size: int) -> None:
    data = os.urandom(size)
    assert encoded(data) == by_lines(data)


def test_base64_of_a_large_content_comes_in_blocks() -> None:
    data = os.urandom(3 * BLOCK_BYTES + 17)
    content = Base64Content(BytesContent(data))
    blocks = list(content.blocks())
    assert b"".join(blocks) == by_lines(data)
    assert len(blocks) >= 4
    assert max(map(len, blocks)) < 1.4 * BLOCK_BYTES


def test_small_pieces_of_a_letter_are_read_in_few_blocks() -> None:
    pieces = [b"head", *[Cut(b"x" * 1000, b"y" * 1000)] * 200, b"tail"]
    letter = PiecedMail(pieces, is_ascii=True)
    blocks = list(letter.blocks())
    assert b"".join(blocks) == b"head" + (b"x" * 1000 + b"y" * 1000) * 200 + b"tail"
    assert max(map(len, blocks)) <= BLOCK_BYTES
    assert len(blocks) <= 400_008 // BLOCK_BYTES + 1
    assert letter.size_bytes == sum(map(len, blocks))


def test_a_letter_can_be_read_again() -> None:
    letter = PiecedMail([b"a", BytesContent(b"b"), b"c"], is_ascii=True)
    assert [b"".join(letter.blocks()) for _ in range(2)] == [b"abc", b"abc"]


def test_files_are_not_opened_before_their_turn_and_closed_when_the_reader_goes() -> None:
    log = []

    class Noted(Cut):
        def blocks(self) -> Iterator[bytes]:
            log.append("open")
            try:
                yield from super().blocks()
            finally:
                log.append("close")

    big = b"x" * BLOCK_BYTES
    letter = PiecedMail([big, Noted(big, big)], is_ascii=True)
    reading = letter.blocks()
    assert log == []
    for _ in range(2):
        next(reading)
    assert log == ["open"]
    reading.close()
    assert log == ["open", "close"]


@given(st.lists(st.binary(max_size=20)), st.integers(0, 50))
def test_the_rest_of_a_content_is_the_same_wherever_it_is_cut(
    blocks: list[bytes], skipped: int
) -> None:
    data = b"".join(blocks)
    rest = Rest(Cut(*blocks), data[:skipped])
    assert b"".join(rest.blocks()) == data[skipped:]
    assert rest.size_bytes == len(data[skipped:])


def test_a_rest_that_begins_otherwise_has_changed() -> None:
    with pytest.raises(ContentChanged):
        list(Rest(Cut(b"ab", b"cx", b"e"), b"abcd").blocks())
