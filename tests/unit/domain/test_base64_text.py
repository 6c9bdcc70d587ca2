"""Base64 is decoded in pieces, with the same result as at once."""

from __future__ import annotations

import base64
import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.domain import base64_text
from mail_proxy.domain.base64_text import NotBase64, base64_blocks, decode_base64


@pytest.fixture(autouse=True, scope="module")
def short_pieces():
    """So that a few characters are many pieces."""
    before = base64_text.PIECE_CHARS
    base64_text.PIECE_CHARS = 8
    yield
    base64_text.PIECE_CHARS = before


def at_once(text: str) -> bytes | None:
    text = "".join(text.split())
    bare = text.rstrip("=")
    if len(text) - len(bare) > -len(bare) % 4:
        return None  # more padding than there can be, which Python lets pass at the end
    try:
        return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
    except ValueError:
        return None


def in_pieces(text: str) -> bytes | None:
    try:
        return decode_base64(text)
    except NotBase64:
        return None


@given(st.binary(max_size=60), st.integers(1, 12))
def test_what_is_encoded_in_lines_of_any_length_comes_back(data, width):
    text = base64.b64encode(data).decode()
    lines = "\r\n".join(text[i : i + width] for i in range(0, len(text), width))
    assert decode_base64(lines) == data
    assert decode_base64(lines.rstrip("=\r\n")) == data


@given(st.text(alphabet="AQz+/=é \n-", max_size=40))
def test_any_text_has_the_same_verdict_as_when_it_is_decoded_at_once(text):
    assert in_pieces(text) == at_once(text)


def test_it_may_begin_later():
    assert b"".join(base64_blocks("base64:YQ==", 7)) == b"a"


def test_no_text_is_no_octets():
    assert list(base64_blocks("")) == []
