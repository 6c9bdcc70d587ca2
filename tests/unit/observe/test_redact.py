from __future__ import annotations

import time

import pytest

from mail_proxy.observe import events
from mail_proxy.observe.redact import redact

CANARY = "cAnArY-5ecReT_0123456789"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {CANARY}",
        f"{{'Authorization': 'Basic {CANARY}'}}",
        f"sent bearer {CANARY}",
        f"password={CANARY}",
        f"password: '{CANARY}'",
        f'{{"password": "{CANARY}", "user": "u"}}',
        f'{{"password": "a\\"b {CANARY}"}}',
        f'{{"password": "a {CANARY}',  # cut before its end
        f"{{'token': 'a {CANARY}",
        f"imap_password={CANARY}",
        f"api_token = {CANARY}",
        f"X-API-Token: {CANARY}",
        f"client_secret={CANARY}&x=1",
        f"AUTH PLAIN {CANARY}",
        f"a1 AUTHENTICATE XOAUTH2 {CANARY}",
        f"mp_{CANARY}",
        f"https://user:{CANARY}@example.com/",
        f"https://user:pass@{CANARY}@example.com/",
        f"https://b.example.com/x?X-Amz-Signature={CANARY}&y=1",
        f"https://b.example.com/x?sig={CANARY}",
    ],
)
def test_what_looks_like_a_secret_is_cut_out(text):
    assert CANARY not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "250 2.0.0 Ok: queued as 4ABC",
        "535 5.7.8 Error: authentication failed",
        "550 5.1.1 <token@example.com> unknown",
        "https://example.com/mail-proxy/sync",
        "no token was given",
    ],
)
def test_a_usual_sentence_is_left_alone(text):
    assert redact(text) == text


@pytest.mark.parametrize("field", ["password", "token", "authorization"])
def test_a_field_with_a_secret_name_is_masked_whole(written, field):
    events._tell(20, "x", **{field: CANARY})
    assert CANARY not in written.line


def test_a_secret_in_a_traceback_is_cut_out(written):
    try:
        raise ValueError(f"password={CANARY}")
    except ValueError as error:
        events.task_broke("x", error)
    assert CANARY not in written.line


@pytest.mark.parametrize(
    "flood",
    [
        "password" * 1000,
        "://" * 3000,
        "://" + "@a" * 4000,
        'token="' * 1000,
        "token=" * 1500,
        "mp_" * 3000,
    ],
)
def test_a_hostile_text_costs_little(flood):
    started = time.process_time()
    redact(flood)
    assert time.process_time() - started < 0.1
