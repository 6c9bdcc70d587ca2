from __future__ import annotations

import json

import pytest

from mail_proxy.domain.oauth2 import (
    AccessToken,
    Denied,
    Grant,
    grant_of,
    read_answer,
    what_is_missing,
)

GRANT = Grant("https://login.example/token", "app", "mail", "s3cret", "refresh-1")


def answer(status: int, **said: object) -> AccessToken | Denied:
    return read_answer(status, json.dumps(said).encode(), GRANT)


def test_a_refresh_token_is_used_where_there_is_one():
    assert GRANT.form() == {
        "grant_type": "refresh_token",
        "refresh_token": "refresh-1",
        "client_id": "app",
        "client_secret": "s3cret",
        "scope": "mail",
    }
    alone = grant_of(
        {"token_url": "https://x/", "client_id": "a", "client_secret": "b"}, is_guarded=True
    )
    assert alone.form() == {
        "grant_type": "client_credentials",
        "client_id": "a",
        "client_secret": "b",
    }
    assert alone.is_guarded


@pytest.mark.parametrize(
    ("stored", "url", "scope"),
    [
        (
            {"provider": "google", "refresh_token": "r"},
            "https://oauth2.googleapis.com/token",
            "https://mail.google.com/",
        ),
        (
            {"provider": "microsoft", "tenant": "example.com"},
            "https://login.microsoftonline.com/example.com/oauth2/v2.0/token",
            "https://outlook.office365.com/.default",
        ),
        (
            {"provider": "microsoft", "refresh_token": "r"},
            "https://login.microsoftonline.com/common/oauth2/v2.0/token",
            "https://outlook.office.com/SMTP.Send offline_access",
        ),
        (
            {"provider": "microsoft", "tenant": "t", "token_url": "https://mine/", "scope": "s"},
            "https://mine/",
            "s",
        ),
    ],
)
def test_a_provider_fills_in_what_is_not_given(stored, url, scope):
    grant = grant_of(stored, is_guarded=False)
    assert (grant.token_url, grant.scope) == (url, scope)


@pytest.mark.parametrize(
    ("stored", "field"),
    [
        ({}, "token_url"),
        ({"provider": "google"}, "client_id"),
        ({"provider": "google", "client_id": "a", "client_secret": "b"}, "refresh_token"),
        ({"token_url": "https://x/", "client_id": "a"}, "refresh_token"),
        ({"provider": "microsoft", "client_id": "a", "client_secret": "b"}, "tenant"),
        (
            {
                "provider": "microsoft",
                "client_id": "a",
                "refresh_token": "r",
                "tenant": "x/../y",
            },
            "tenant",
        ),
        ({"provider": "google", "client_id": "a", "refresh_token": "r"}, None),
        ({"token_url": "https://x/", "client_id": "a", "client_secret": "b"}, None),
    ],
)
def test_what_a_grant_cannot_do_without_is_named(stored, field):
    missing = what_is_missing(stored)
    assert (missing and missing[0]) == field


@pytest.mark.parametrize(
    ("expires_in", "usable_s"),
    [
        (3600, 3300.0),
        ("3600", 3300.0),
        (60, 54.0),
        (None, 270.0),
        (-1, 270.0),
        ("soon", 270.0),
        (10**400, 270.0),
        (10**9, 86100.0),
    ],
)
def test_a_token_is_used_until_shortly_before_its_end(expires_in, usable_s):
    said = answer(200, access_token="t", expires_in=expires_in)
    assert said == AccessToken("t", usable_s)


def test_another_refresh_token_is_told_and_the_same_is_not():
    assert answer(200, access_token="t", refresh_token="refresh-2").refresh_token == "refresh-2"
    assert answer(200, access_token="t", refresh_token="refresh-1").refresh_token is None


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (500, b"<html>", "answered 500 and no token"),
        (200, b"{}", "answered 200 and no token"),
        (200, b"[" * 100_000, "answered 200 and no token"),
        (400, b'{"error": "invalid_client"}', "client secret is wrong or has expired"),
        (200, b'{"access_token": "a b"}', "a token that no mail server takes"),
        (200, b'{"access_token": "a\\r\\nQUIT"}', "a token that no mail server takes"),
        (200, b'{"access_token": "a", "token_type": "mac"}', "a token that no mail server takes"),
        (503, b'{"access_token": "a"}', "answered 503 and no token"),
    ],
)
def test_what_is_no_token_is_told(status, body, why):
    said = read_answer(status, body, GRANT)
    assert isinstance(said, Denied)
    assert why in said.why


def test_a_refresh_token_that_is_no_longer_good_says_what_to_do():
    said = answer(400, error="invalid_grant", error_description="AADSTS70008: expired\nTrace: 1")
    assert said == Denied(
        "answered 400 invalid_grant; AADSTS70008: expired; the refresh token is no longer good; "
        "sign in again and give the new one"
    )


def test_secrets_that_an_endpoint_repeats_are_not_told():
    said = answer(401, error="s3cret", error_description="not refresh-1 \x1b[31m of s3cret")
    assert "s3cret" not in said.why
    assert "refresh-1" not in said.why
    assert "\x1b" not in said.why
    assert "s3cret" not in repr(GRANT)
