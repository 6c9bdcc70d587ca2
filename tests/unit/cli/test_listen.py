"""`mail-proxy listen`: what it says of each post, and how it answers."""

from __future__ import annotations

import io
import json
import time

import pytest

from mail_proxy.cli.errors import OutputClosed
from mail_proxy.cli.listener import Listener, answer_named, entry_line
from mail_proxy.domain.webhook import headers_for, secret_from
from mail_proxy.sinks.reports import Fault, Post

SECRET = secret_from(b"s" * 32)
ENTRY = {"id": "m1", "sent_ts": 1, "event_id": "7", "tenant_id": "acme"}


class Page:
    """A writer that keeps its lines."""

    def __init__(self, *, is_for_people: bool = True) -> None:
        self.is_for_people = is_for_people
        self.out = io.StringIO()
        self.breaks = False

    def line(self, text: str = "") -> None:
        if self.breaks:
            raise OutputClosed
        self.out.write(text + "\n")


def post(*entries: object, body: object = None, secret: str | None = SECRET) -> Post:
    told = {"delivery_report": list(entries)} if body is None else body
    raw = json.dumps(told).encode()
    secrets = [] if secret is None else [secret]
    headers = headers_for(secrets, id="msg_1", timestamp=int(time.time()), body=raw)
    return Post(headers, told, raw=raw)


def test_a_verified_report_is_shown_line_by_line_and_answered():
    page = Page()
    listener = Listener(page, [SECRET], answer_named("ok"))
    assert listener.take(post(ENTRY, {**ENTRY, "id": "m2"})) == (200, {"ok": True})
    first, *entries = page.out.getvalue().splitlines()
    assert "2 events, verified, answered 200" in first
    assert ["m1" in entries[0], "m2" in entries[1]] == [True, True]


def test_what_is_not_signed_gets_401_and_is_said():
    page = Page()
    listener = Listener(page, [SECRET], answer_named("ok"))
    status, _ = listener.take(post(ENTRY, secret=secret_from(b"o" * 32)))
    assert status == 401
    assert "not believed: no webhook-signature is by a known secret" in page.out.getvalue()
    assert listener.take(post(ENTRY, secret=None))[0] == 401


def test_without_a_secret_all_is_taken():
    page = Page()
    assert Listener(page, [], 500).take(post(secret=None)) == 500
    assert "heartbeat, taken, answered 500" in page.out.getvalue()


def test_for_programs_each_post_is_a_line_of_json():
    page = Page(is_for_people=False)
    Listener(page, [SECRET], Fault.HANG).take(post(ENTRY))
    told = json.loads(page.out.getvalue())
    assert (told["verified"], told["answer"], told["webhook_id"]) == (True, "hang", "msg_1")
    assert told["body"] == {"delivery_report": [ENTRY]}


@pytest.mark.parametrize("body", [[], "text", {"delivery_report": 5}, {"delivery_report": [5]}])
def test_any_body_is_shown_as_far_as_it_goes(body):
    page = Page()
    Listener(page, [SECRET], 200).take(post(body=body))
    assert "heartbeat" in page.out.getvalue()


def test_what_is_no_json_is_refused():
    page = Page()
    answer = Listener(page, [], 200).take(Post({}, None, raw=b"{"))
    assert answer == (400, {"ok": False, "error": "not JSON"})
    assert "it is no JSON" in page.out.getvalue()


def test_a_reader_that_is_gone_ends_it():
    page = Page()
    page.breaks = True
    listener = Listener(page, [], 200)
    listener.take(post(secret=None))
    assert listener.ended.is_set()
    assert isinstance(listener.failed, OutputClosed)


def test_foreign_text_reaches_no_terminal():
    line = entry_line({"id": "a\x1b]0;x\x07", "error_ts": 1, "error": "550\r\n\x9bno"})
    assert line.isprintable()
    assert "error" in line


@pytest.mark.parametrize(
    ("word", "answer"),
    [("error", (200, {"ok": False})), ("drop", Fault.DROP), ("410", 410)],
)
def test_answers_have_names(word, answer):
    assert answer_named(word) == answer


@pytest.mark.parametrize("word", ["", "maybe", "99", "600", "-1"])
def test_other_words_are_refused_before_anything_listens(cli, word):
    with pytest.raises(ValueError):
        answer_named(word)
    ran = cli("listen", f"--answer={word}", "--port", "0")
    assert ran.code == 2
    assert "--answer" in ran.err


def test_a_secret_that_is_none_is_not_shown(cli):
    ran = cli("listen", "--secret", "whsec_short")
    assert ran.code == 2
    assert "whsec_short" not in ran.err
    assert cli("listen", "--secret-file", "/nowhere/at/all").code == 2
