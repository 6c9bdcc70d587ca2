"""What a receiver uses, against posts that were signed by the specification's own words."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

import pytest

from mail_proxy.domain.errors import Invalid
from mail_proxy.webhooks import BadSignature, verify_webhook

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
BODY = b'{"delivery_report":[]}'


def headers(body: bytes = BODY, *, ago_s: int = 0) -> dict[str, str]:
    at = str(int(time.time()) - ago_s)
    digest = hmac.new(KEY, b"msg_1." + at.encode() + b"." + body, hashlib.sha256).digest()
    return {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": at,
        "Webhook-Signature": "v1," + base64.b64encode(digest).decode(),
    }


def test_the_report_is_returned():
    assert verify_webhook(SECRET, headers(), BODY) == {"delivery_report": []}
    other = "whsec_" + base64.b64encode(bytes(32)).decode()
    assert verify_webhook((other, SECRET), headers(), BODY) == {"delivery_report": []}


def test_a_replay_is_refused_unless_it_is_tolerated():
    with pytest.raises(BadSignature):
        verify_webhook(SECRET, headers(ago_s=400), BODY)
    assert verify_webhook(SECRET, headers(ago_s=400), BODY, tolerance_s=500)


def test_a_body_that_was_changed_is_refused():
    with pytest.raises(BadSignature):
        verify_webhook(SECRET, headers(), BODY + b" ")


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff"])
def test_a_signed_body_that_is_no_report_is_refused(body):
    with pytest.raises(BadSignature, match="no JSON object"):
        verify_webhook(SECRET, headers(body), body)


def test_a_secret_that_is_none_is_told():
    with pytest.raises(Invalid):
        verify_webhook("secret", headers(), BODY)
