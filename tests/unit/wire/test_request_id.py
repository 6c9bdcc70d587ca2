from __future__ import annotations

import pytest

from mail_proxy.wire.request_id import MAX_CHARS, is_request_id

FIT = ["a", "order-7_retry.2", "0" * MAX_CHARS, "5f2c9e1ab0d34471", "...", "-"]
HOSTILE = [
    "",
    " ",
    "a b",
    "a" * (MAX_CHARS + 1),
    "a" * 10_000,
    "a\n",
    "a\r\nX-Admin: yes",
    "\x1b]0;owned\x07",
    "é",
    "٣",  # a digit, elsewhere
    "a\x00",
    "a,b",
    'a"',
    "a=b",
    "\ud800",
]


@pytest.mark.parametrize("text", FIT)
def test_short_ids_of_plain_characters_are_fit(text: str):
    assert is_request_id(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_log_or_a_terminal_could_misread_is_not(text: str):
    assert not is_request_id(text)
