from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.domain.errors import BadSignature, Invalid
from mail_proxy.domain.webhook import (
    good_at,
    headers_for,
    key_of,
    rotated,
    secret_from,
    signature,
    verify,
)

# The example of the specification's own libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = secret_from(b"o" * 32)


def signed(*secrets: str, **changed: Any) -> dict[str, str]:
    return {**headers_for(secrets or [SECRET], id=ID, timestamp=AT, body=BODY), **changed}


def test_the_example_of_the_specification_has_its_signature():
    assert signature(SECRET, id=ID, timestamp=AT, body=BODY) == SIGNED
    assert signature(SECRET.removeprefix("whsec_"), id=ID, timestamp=AT, body=BODY) == SIGNED


@given(key=st.binary(min_size=24, max_size=64), body=st.binary(max_size=100), at=st.integers(0))
def test_it_is_what_the_specification_says_in_words(key, body, at):
    secret = secret_from(key)
    digest = hmac.new(key, f"{ID}.{at}.".encode() + body, hashlib.sha256).digest()
    assert signature(secret, id=ID, timestamp=at, body=body) == (
        "v1," + base64.b64encode(digest).decode()
    )


def test_a_signed_post_is_verified():
    assert verify([SECRET], signed(), BODY, now=AT) == ID
    assert verify([OTHER, SECRET], signed(), BODY, now=AT) == ID
    shouted = {name.upper(): value for name, value in signed().items()}
    assert verify([SECRET], shouted, BODY, now=AT) == ID


def test_during_a_rotation_each_secret_alone_verifies():
    headers = signed(OTHER, SECRET)
    assert len(headers["webhook-signature"].split(" ")) == 2
    for known in (SECRET, OTHER):
        assert verify([known], headers, BODY, now=AT) == ID


def test_signatures_of_other_versions_are_passed_over():
    headers = signed(**{"webhook-signature": f"v1a,abc v2,xyz {SIGNED}"})
    assert verify([SECRET], headers, BODY, now=AT) == ID


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-id": "msg_other"},
        {"webhook-timestamp": str(AT + 1)},
        {"webhook-timestamp": f"0{AT}"},
        {"webhook-timestamp": f"-{AT}"},
        {"webhook-timestamp": "١٦١٤٢٦٥٣٣٠"},
        {"webhook-timestamp": "9" * 5000},
        {"webhook-signature": ""},
        {"webhook-signature": SIGNED.removeprefix("v1,")},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,é"},
        {"webhook-signature": SIGNED.replace("v1", "v2")},
    ],
)
def test_whatever_is_changed_is_refused(changed):
    with pytest.raises(BadSignature):
        verify([SECRET], signed(**changed), BODY, now=AT)


def test_another_body_and_another_secret_are_refused():
    with pytest.raises(BadSignature, match="known secret"):
        verify([SECRET], signed(), BODY + b" ", now=AT)
    with pytest.raises(BadSignature, match="known secret"):
        verify([OTHER], signed(), BODY, now=AT)
    with pytest.raises(BadSignature, match="known secret"):
        verify([], signed(), BODY, now=AT)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_header_that_is_missing_is_named(name):
    headers = signed()
    del headers[name]
    with pytest.raises(BadSignature, match=name):
        verify([SECRET], headers, BODY, now=AT)


@pytest.mark.parametrize("off_s", [-300, 300])
def test_a_time_within_the_tolerance_is_good_and_one_beyond_is_a_replay(off_s):
    assert verify([SECRET], signed(), BODY, now=AT + off_s) == ID
    with pytest.raises(BadSignature, match="too far"):
        verify([SECRET], signed(), BODY, now=AT + off_s * 1.01)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!!", secret_from(b"short"), "whsec_é"])
def test_what_is_no_secret_is_refused_and_not_shown(secret):
    with pytest.raises(Invalid, match="a webhook secret is whsec_") as caught:
        key_of(secret)
    assert secret == "" or secret not in str(caught.value).replace("is whsec_ and", "")


def test_without_a_secret_there_is_no_signature():
    assert headers_for([], id=ID, timestamp=AT, body=BODY) == {
        "webhook-id": ID,
        "webhook-timestamp": str(AT),
    }


def test_a_replaced_secret_signs_until_its_overlap_is_over():
    first = rotated(None, "a", now=0, overlap_s=100)
    assert good_at(first, 10**9) == ["a"]
    second = rotated(first, "b", now=10, overlap_s=100)
    assert good_at(second, 109) == ["b", "a"]
    assert good_at(second, 110) == ["b"]
    third = rotated(second, "c", now=20, overlap_s=1000)
    assert good_at(third, 109) == ["c", "b", "a"]  # the first still ends when it was said
    assert good_at(third, 110) == ["c", "b"]


def test_no_more_than_three_secrets_sign():
    stored = None
    for name in "abcd":
        stored = rotated(stored, name, now=0, overlap_s=10)
    assert good_at(stored, 1) == ["d", "c", "b"]


def test_without_an_overlap_the_old_secret_ends_at_once():
    stored = rotated(rotated(None, "a", now=0, overlap_s=0), "b", now=5, overlap_s=0)
    assert [each["secret"] for each in stored] == ["b"]
