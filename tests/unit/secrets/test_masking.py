from __future__ import annotations

import pytest

from mail_proxy.secrets import MASK, mask


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "Password",
        "imap_password",
        "client_sync_password",
        "token",
        "api_token",
        "X-API-Token",
        "secret",
        "client_secret",
        "api_key",
        "apikey",
        "Authorization",
        "private_key",
    ],
)
def test_a_value_below_a_secret_name_is_masked(key):
    assert mask({key: "hunter2"}) == {key: MASK}


@pytest.mark.parametrize("hostile", [["hunter2"], {"a": "hunter2"}, 12345, ""])
def test_a_secret_is_masked_whatever_its_shape(hostile):
    assert mask({"password": hostile}) == {"password": MASK}


def test_secrets_are_found_at_any_depth():
    given = {"accounts": [{"id": "a", "smtp": {"password": "x"}}]}
    assert mask(given) == {"accounts": [{"id": "a", "smtp": {"password": MASK}}]}


def test_of_client_auth_only_the_secret_parts_go():
    given = {"client_auth": {"method": "basic", "user": "u", "password": "p", "token": None}}
    assert mask(given) == {
        "client_auth": {"method": "basic", "user": "u", "password": MASK, "token": None}
    }


@pytest.mark.parametrize("key", ["auth", "client_auth"])
def test_auth_that_is_no_object_goes_whole(key):
    assert mask({key: "Bearer x"}) == {key: MASK}
    assert mask({key: ["x"]}) == {key: MASK}


@pytest.mark.parametrize(
    "plain",
    [
        {"has_password": True},
        {"api_key_expires_at": 1700000000},
        {"body": "my password is in the drawer"},
        {"subject": "token", "to": ["a@example.com"]},
        {"password": None},
        {"url": "https://example.com/a@b"},
    ],
)
def test_what_is_no_secret_is_left_as_it_is(plain):
    assert mask(plain) == plain


def test_user_and_password_inside_a_url_are_masked():
    assert mask({"storage_url": "https://u:p@example.com/x"}) == {
        "storage_url": f"https://{MASK}@example.com/x"
    }


def test_the_given_value_is_not_changed():
    given = {"a": [{"password": "x"}]}
    mask(given)
    assert given == {"a": [{"password": "x"}]}


def test_a_value_deeper_than_any_request_is_cut():
    deep: object = "bottom"
    for _ in range(5000):
        deep = [deep]
    assert "bottom" not in str(mask(deep))
