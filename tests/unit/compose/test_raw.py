"""A whole message of the caller's is sent as it is, but for a few header fields."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from mail_proxy.compose import Built, Stamp, build, check_fields, checked_raw, message_id_of
from mail_proxy.domain.base64_text import PIECE_CHARS
from mail_proxy.domain.errors import ContentChanged, Invalid

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


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r", b"\r\r\n"])
@pytest.mark.parametrize("before", range(4))
def test_a_line_end_between_two_pieces_is_one_too(before: int, line_end: bytes) -> None:
    piece = PIECE_CHARS // 4 * 3
    head = b"From: a@example.org\r\n\r\n"
    full = (head + (b"x" * 76 + b"\r\n") * piece)[: piece - before - 2] + b"\r\n"
    data = full + line_end + b"end" + line_end
    lines = line_end.replace(b"\r\r\n", b"\r\n\r\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    expected = full + lines.replace(b"\n", b"\r\n") + b"end" + lines.replace(b"\n", b"\r\n")
    assert checked_raw(encoded(data)).data == expected


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


# --- in a file ---


class Lying:
    """Octets in a file, read in blocks of this size."""

    def __init__(self, data: bytes, block_bytes: int = 10) -> None:
        self._data = data
        self._block_bytes = block_bytes
        self.size_bytes = len(data)

    def blocks(self) -> Iterator[bytes]:
        for at in range(0, len(self._data), self._block_bytes):
            yield self._data[at : at + self._block_bytes]


def spooled(data: bytes, stamp: Stamp, block_bytes: int = 10) -> Built:
    """As one is sent that was checked, and written to a file, when it was accepted."""
    checked = checked_raw(encoded(data))
    place = {"spooled": [0, len(checked.data), "0" * 64], "is_ascii": checked.is_ascii}
    built = build({"raw": place}, stamp, raw=Lying(checked.data, block_bytes))
    assert not isinstance(built.data, bytes)
    octets = b"".join(built.data.blocks())
    assert built.data.size_bytes == len(octets)
    assert built.data.is_ascii == built.is_ascii
    return built._replace(data=octets)


@pytest.mark.parametrize("block_bytes", [1, 2, 7, 10_000])
@pytest.mark.parametrize(
    "data",
    [
        WHOLE,
        b"From: a@b",
        b"From: a@b\n",
        b"From: a@b\n\n",
        b"From: a@b\n\n\n",
        b"From: a@b\n\nbody",
        b"From: a@b\nBcc: c@d,\n e@f\nReturn-Path: <x@y>\nX: y\n\nbody\rwith\nends\r\n.\n",
        "From: a@b\nSubject: \u00e9\n\nbody".encode(),
        b"From: a@b\n\n\xff\xfe",
        b"From: a@b\nDate: x\nMessage-ID: <own@x>\n\n" + b"line\n" * 100,
    ],
)
def test_a_message_in_a_file_is_sent_as_one_in_memory(
    stamp: Stamp, data: bytes, block_bytes: int
) -> None:
    assert spooled(data, stamp, block_bytes) == sent(data, stamp)


def test_a_message_of_header_fields_alone_may_be_as_long_as_they_may(stamp: Stamp) -> None:
    head = b"From: a@b\n" + b"X: y\n" * 43_600
    assert len(head.replace(b"\n", b"\r\n")) > 261_000
    assert spooled(head + b"\nbody", stamp, 70_000) == sent(head + b"\nbody", stamp)


def test_what_was_checked_is_not_looked_at_again() -> None:
    checked = checked_raw(encoded(WHOLE))
    place = {"raw": {"spooled": [0, 1, ""], "is_ascii": True}}
    check_fields(place, checked)
    assert message_id_of(place, checked) == checked.message_id == "<own@example.com>"
    for look in (check_fields, message_id_of):
        with pytest.raises(Invalid):
            look(place)


def test_a_checked_message_says_whether_it_is_ascii() -> None:
    assert checked_raw(encoded(b"From: a@b\n\nbody")).is_ascii
    assert not checked_raw(encoded(b"From: a@b\n\nb\xf6dy")).is_ascii
    assert checked_raw(encoded(b"From: a@b\n\nbody")).message_id is None


@pytest.mark.parametrize(
    "data", [b"", b"From: a@b\r\n", b"no field\r\n\r\nbody\r\n", b"X: y\r\n" * 60_000]
)
def test_a_file_without_the_head_that_was_checked_has_changed(stamp: Stamp, data: bytes) -> None:
    place = {"raw": {"spooled": [0, len(data), ""], "is_ascii": True}}
    with pytest.raises(ContentChanged):
        build(place, stamp, raw=Lying(data, 70_000))


def test_a_head_that_changes_after_it_was_read_stops_the_mail(stamp: Stamp) -> None:
    content = Lying(b"From: a@b\r\n\r\nbody\r\n")
    built = build({"raw": {"spooled": [0, 1, ""], "is_ascii": True}}, stamp, raw=content)
    content._data = b"From: c@d\r\n\r\nbody\r\n"
    with pytest.raises(ContentChanged):
        list(built.data.blocks())
