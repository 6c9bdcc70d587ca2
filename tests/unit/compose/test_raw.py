"""A whole message of the caller's is sent as it is, but for a few header fields."""

from __future__ import annotations

import base64

import pytest

from mail_proxy.compose import Built, Stamp, build, check_fields, message_id_of
from mail_proxy.domain.errors import Invalid

WHOLE = b"""From: Shop <shop@example.com>
To: ann@example.org
Subject: folded
  subject
Date: Mon, 01 Jan 2024 00:00:00 +0000
Message-ID: <own@example.com>

Body
.
end
"""


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def sent(data: bytes, stamp: Stamp) -> Built:
    return build({"raw": encoded(data)}, stamp)


def test_a_whole_message_is_sent_as_it_is_with_our_id(stamp: Stamp) -> None:
    head, _, body = WHOLE.replace(b"\n", b"\r\n").partition(b"\r\n\r\n")
    assert sent(WHOLE, stamp) == Built(
        head + b"\r\nX-Genro-Mail-ID: order-1\r\n\r\n" + body,
        is_ascii=True,
        needs_smtputf8=False,
    )


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_becomes_crlf(stamp: Stamp, line_end: bytes) -> None:
    assert sent(WHOLE.replace(b"\n", line_end), stamp) == sent(WHOLE, stamp)


@pytest.mark.parametrize(
    "lines",
    [
        b"Bcc: secret@example.org\n",
        b"bcc: a@b,\n secret@example.org\n",
        b"BCC:\n secret@example.org\n",
        b"Return-Path: <secret@example.org>\n",
        b"X-Genro-Mail-ID: secret\n",
        b"Bcc: a@b\nBcc: secret@example.org\n",
        b"Resent-Bcc: secret@example.org\n",
    ],
)
def test_what_nobody_is_to_see_is_taken_out(stamp: Stamp, lines: bytes) -> None:
    assert sent(lines + WHOLE, stamp) == sent(WHOLE, stamp)


def test_date_and_message_id_are_added_where_they_are_missing(stamp: Stamp) -> None:
    data = sent(b"From: a@b\nSubject: s\n\nbody", stamp).data
    assert data.decode().split("\r\n") == [
        "From: a@b",
        "Subject: s",
        "Date: Tue, 14 Nov 2023 22:13:20 +0000",
        "Message-ID: <0123456789abcdef@example.com>",
        "X-Genro-Mail-ID: order-1",
        "",
        "body",
        "",
    ]


def test_the_message_id_inside_is_known() -> None:
    assert message_id_of({"raw": encoded(WHOLE)}) == "<own@example.com>"
    assert message_id_of({"raw": encoded(b"From: a@b\n\n")}) is None


def test_a_message_may_have_no_body(stamp: Stamp) -> None:
    assert sent(b"From: a@b", stamp).data.endswith(b"X-Genro-Mail-ID: order-1\r\n\r\n")


def test_a_body_of_eight_bits_stays(stamp: Stamp) -> None:
    built = sent(b"From: a@b\n\n\xe9\xff\n", stamp)
    assert built.data.endswith(b"\r\n\r\n\xe9\xff\r\n")
    assert not built.is_ascii
    assert not built.needs_smtputf8


def test_a_header_in_utf8_needs_smtputf8(stamp: Stamp) -> None:
    assert sent("From: é@b\n\n".encode(), stamp).needs_smtputf8


def test_blanks_and_missing_padding_of_base64_are_forgiven(stamp: Stamp) -> None:
    text = encoded(WHOLE + b"x").rstrip("=")
    wrapped = "\r\n".join(text[at : at + 76] for at in range(0, len(text), 76))
    assert build({"raw": wrapped}, stamp) == sent(WHOLE + b"x", stamp)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no header field"),
        (b"\nFrom: a@b\n", "no header field"),
        (b"just text\n\nbody", "no header field"),
        (b"From a@b Mon Jan 1\nFrom: a@b\n\n", "no header field"),
        (b" folded first\nFrom: a@b\n\n", "no header field"),
        (b"From: a@b\n \n\n", "no header field"),
        (b"From: a@b\nBcc : c@d\n\n", "no header field"),
        (b"From: a@b\nB\x00: c\n\n", "NUL"),
        (b"From: a@b\n\nbody\x00", "NUL"),
        (b"Subject: s\n\nbody", "no From"),
        (b"From: a@b\nSubject: \xe9\n\n", "not UTF-8"),
        (b"From: a@b\n\n" + b"x" * 999, "more than 998"),
        (b"From: a@b\nX: " + b"x" * 999 + b"\n\n", "more than 998"),
        (b"From: a@b\nMessage-ID: none\n\n", "<local@domain>"),
    ],
)
def test_what_is_no_message_is_refused_when_accepted(data: bytes, why: str) -> None:
    with pytest.raises(Invalid, match=why) as refused:
        check_fields({"raw": encoded(data) or " "})
    assert refused.value.field == "raw"
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "name", ["From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "FROM"]
)
def test_a_field_that_may_stand_once_is_refused_twice(name: str) -> None:
    field = f"{name}: <evil@example.com>\n".encode()
    data = b"From: a@example.com\n" + field * 2 + b"\nBody\n"
    with pytest.raises(Invalid, match=f"raw has [23] {name.title()[:3]}.* may have one") as caught:
        check_fields({"raw": encoded(data)})
    assert caught.value.field == "raw"


@pytest.mark.parametrize("value", ["%%", "a", "YQ==YQ==", "é", 5, ["YQ=="], {"a": 1}])
def test_what_is_not_base64_is_refused(value: object) -> None:
    with pytest.raises(Invalid) as refused:
        check_fields({"raw": value})
    assert refused.value.field == "raw"


def test_a_large_message_is_read_in_a_walk(stamp: Stamp) -> None:
    lines = b"X-A: " + b"a b\r " * 10 + b"\n"
    with pytest.raises(Invalid):
        sent(b"From: a@b\n" + lines * 5_000, stamp)


def test_header_fields_without_end_are_refused_before_they_are_read() -> None:
    with pytest.raises(Invalid, match="more than 262144 octets of header fields") as refused:
        check_fields({"raw": encoded(b"From: a@b\n" + b"X: y\n" * 60_000)})
    assert refused.value.field == "raw"
