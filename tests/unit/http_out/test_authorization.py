from __future__ import annotations

import pytest

from mail_proxy.domain.errors import Invalid
from mail_proxy.http_out.authorization import authorization


@pytest.mark.parametrize("auth", [None, {}, {"method": "none"}, {"method": None, "token": "t"}])
def test_without_a_method_there_is_no_header(auth):
    assert authorization(auth) is None


def test_bearer_sends_the_token():
    assert authorization({"method": "bearer", "token": "abc"}) == "Bearer abc"


def test_basic_sends_user_and_password_in_utf_8():
    auth = {"method": "basic", "user": "test", "password": "123£"}
    assert authorization(auth) == "Basic dGVzdDoxMjPCow=="  # the example of RFC 7617


@pytest.mark.parametrize(
    ("auth", "field"),
    [
        ({"method": "digest"}, "method"),
        ({"method": "bearer", "token": "a\r\nX: y"}, "token"),
        ({"method": "bearer", "token": 5}, "token"),
        ({"method": "basic", "user": "a:b", "password": "c"}, "user"),
        ({"method": "basic", "user": "a", "password": "\x00"}, "password"),
    ],
)
def test_a_login_that_no_header_can_carry_is_refused(auth, field):
    with pytest.raises(Invalid) as caught:
        authorization(auth)
    assert caught.value.field == f"client_auth.{field}"
