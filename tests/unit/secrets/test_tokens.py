from __future__ import annotations

import hashlib
import re

import pytest

from mail_proxy.secrets import new_token, same_token, token_sha256


def test_a_token_carries_256_random_bits_behind_its_prefix():
    assert re.fullmatch(r"mp_[A-Za-z0-9_-]{43}", new_token())
    assert len({new_token() for _ in range(100)}) == 100


def test_the_stored_form_is_the_sha_256_of_the_whole_token():
    assert token_sha256("mp_x") == hashlib.sha256(b"mp_x").hexdigest()


@pytest.mark.parametrize(
    ("given", "expected", "same"),
    [
        ("a", "a", True),
        ("é", "é", True),
        ("a", "b", False),
        ("a", "ab", False),
        ("", "", False),
        ("", "a", False),
        ("a", "", False),
        ("\udcff", "a", False),
    ],
)
def test_only_equal_tokens_that_are_not_empty_are_the_same(given, expected, same):
    assert same_token(given, expected) is same
