"""What a mail looks like, field by field."""

from __future__ import annotations

from email import message_from_bytes, message_from_string
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

import pytest

from mail_proxy.compose import Built, Stamp, build, check_fields, message_id_of
from mail_proxy.domain.errors import Invalid

Fields = dict[str, Any]


def read(built: Built) -> EmailMessage:
    return message_from_bytes(built.data, policy=default)


def lines(built: Built) -> list[str]:
    return built.data.decode().split("\r\n")


def test_a_plain_mail_is_written_line_by_line(fields: Fields, stamp: Stamp) -> None:
    more = {
        "cc": ["Bob <bob@example.org>"],
        "bcc": ["carl@example.org"],
        "reply_to": "help@example.com",
        "headers": {"X-Campaign": 7},
    }
    assert lines(build(fields | more, stamp)) == [
        "From: Shop <shop@example.com>",
        "To: ann@example.org",
        "Subject: Your order",
        "Cc: Bob <bob@example.org>",
        "Reply-To: help@example.com",
        "Date: Tue, 14 Nov 2023 22:13:20 +0000",
        "Message-ID: <0123456789abcdef@example.com>",
        "X-Campaign: 7",
        "X-Genro-Mail-ID: order-1",
        "MIME-Version: 1.0",
        'Content-Type: text/plain; charset="utf-8"',
        "Content-Transfer-Encoding: 7bit",
        "",
        "Thank you.",
        "",
    ]


def test_bcc_is_written_nowhere(fields: Fields, stamp: Stamp) -> None:
    secret = {"bcc": ["secret@example.org"]}
    assert b"secret" not in build(fields | secret, stamp).data
    assert b"secret" not in build(fields | secret | {"html": "<p>"}, stamp).data


def test_the_same_fields_and_stamp_give_the_same_mail(fields: Fields, stamp: Stamp) -> None:
    assert build(fields, stamp) == build(dict(fields), stamp)


@pytest.mark.parametrize(
    ("more", "kind", "content"),
    [
        ({}, "text/plain", "Thank you.\n"),
        ({"content_type": "html"}, "text/html", "Thank you.\n"),
        ({"content_type": "HTML"}, "text/html", "Thank you.\n"),
        ({"content_type": "plain"}, "text/plain", "Thank you.\n"),
        ({"content_type": "anything"}, "text/plain", "Thank you.\n"),
        ({"html": True}, "text/html", "Thank you.\n"),
        ({"html": False}, "text/plain", "Thank you.\n"),
        ({"body": None, "text": "t"}, "text/plain", "t\n"),
        ({"body": "", "body_html": "<b>"}, "text/html", "<b>\n"),
        ({"html": ""}, "text/plain", "Thank you.\n"),
        ({"text": "", "body_html": ""}, "text/plain", "Thank you.\n"),
        ({"body": None, "html": "<b>"}, "text/html", "<b>\n"),
        ({"body": None, "body_html": "<b>"}, "text/html", "<b>\n"),
        ({"body": None}, "text/plain", ""),
        ({"body": ""}, "text/plain", ""),
        ({"body": None, "html": True}, "text/html", ""),
        ({"text": "t", "html": "<b>"}, "multipart/alternative", None),
        ({"html": "<b>"}, "multipart/alternative", None),
        ({"html": True, "text": "t"}, "multipart/alternative", None),
    ],
)
def test_the_bodies_given_decide_the_type(
    fields: Fields, stamp: Stamp, more: Fields, kind: str, content: str | None
) -> None:
    message = read(build(fields | more, stamp))
    assert message.get_content_type() == kind
    assert content is None or message.get_content().replace("\r\n", "\n") == content


def test_text_and_html_are_two_parts_the_better_last(fields: Fields, stamp: Stamp) -> None:
    message = read(build(fields | {"html": "<p>Thank you.</p>"}, stamp))
    plain, html = (cast("EmailMessage", part) for part in message.iter_parts())
    assert plain.get_content().strip() == "Thank you."
    assert html.get_content().strip() == "<p>Thank you.</p>"
    assert html.get_content_type() == "text/html"


def test_body_text_and_body_html_win_over_the_shorter_names(fields: Fields, stamp: Stamp) -> None:
    more = {"body_text": "long", "text": "short", "body_html": "<i>", "html": "<b>"}
    message = read(build(fields | more, stamp))
    assert [part.get_content().strip() for part in message.iter_parts()] == ["long", "<i>"]


@pytest.mark.parametrize(
    "more", [{}, {"html": "<p>"}, {"html": "<p>\u00e9", "text": "\u65e5\u672c" * 99}]
)
def test_every_try_sends_the_same_octets(fields: Fields, stamp: Stamp, more: Fields) -> None:
    assert len({build(dict(fields) | more, stamp).data for _ in range(3)}) == 1


def test_the_parts_of_two_messages_have_different_boundaries(fields: Fields, stamp: Stamp) -> None:
    html = fields | {"html": "<p>"}
    other = stamp._replace(message_id="<other@example.com>")
    assert read(build(html, stamp)).get_boundary() != read(build(html, other)).get_boundary()


def test_a_boundary_that_stands_in_a_body_is_not_taken(fields: Fields, stamp: Stamp) -> None:
    html = fields | {"html": "<p>"}
    first = read(build(html, stamp)).get_boundary()
    hostile = html | {"body": f"a\r\n--{first}--\r\nContent-Type: text/html\r\n\r\nb\n"}
    message = read(build(hostile, stamp))
    assert message.get_boundary() != first
    plain, _ = (cast("EmailMessage", part) for part in message.iter_parts())
    assert plain.get_content() == hostile["body"].replace("\r\n", "\n").replace("\n", "\r\n")


@pytest.mark.parametrize(
    "text", ["a", "a\n", "a\n\n\n", "\n", "\u00e9", "\u00e9\n\n", "\u65e5\u672c\n"]
)
def test_parts_end_where_their_texts_end(fields: Fields, stamp: Stamp, text: str) -> None:
    message = read(build(fields | {"text": text, "html": text}, stamp))
    ended = text if text.endswith("\n") else text + "\n"
    contents = [part.get_content().replace("\r\n", "\n") for part in message.iter_parts()]
    assert contents == [ended, ended]
    assert not message.defects


def test_html_goes_with_a_body_that_is_html_by_content_type(fields: Fields, stamp: Stamp) -> None:
    message = read(build(fields | {"content_type": "html", "text": "t"}, stamp))
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        ("ascii\nlines\n", "7bit"),
        ("x" * 998, "7bit"),
        ("x" * 999, "quoted-printable"),
        (("y" * 500 + "\n") * 4 + "x" * 998, "7bit"),
        (("y" * 500 + "\n") * 4 + "x" * 999, "quoted-printable"),
        ("mostly ascii, with one è", "quoted-printable"),
        ("日本語のメール", "base64"),
    ],
)
def test_a_body_is_encoded_only_as_far_as_it_must(
    fields: Fields, stamp: Stamp, body: str, encoding: str
) -> None:
    built = build(fields | {"body": body}, stamp)
    assert read(built)["Content-Transfer-Encoding"] == encoding
    assert read(built).get_content().replace("\r\n", "\n").rstrip("\n") == body.rstrip("\n")
    assert built.is_ascii


@pytest.mark.parametrize(
    "body", ["a\nb\nc", "a\r\nb\r\nc", "a\rb\rc", "a\nb\r\nc\r", "a\rb\nc\n", "a\r\n.\r\nb", "."]
)
@pytest.mark.parametrize("suffix", ["", "è", "日本語"])
def test_every_line_end_becomes_crlf(fields: Fields, stamp: Stamp, body: str, suffix: str) -> None:
    built = build(fields | {"body": body + suffix}, stamp)
    expected = (body + suffix).replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"
    assert read(built).get_content().replace("\r\n", "\n") == expected
    assert built.data.count(b"\r\n") == built.data.count(b"\r") == built.data.count(b"\n")


def test_trailing_blanks_of_quoted_lines_are_kept(fields: Fields, stamp: Stamp) -> None:
    body = "è \nb\t\n  c  \n"
    assert read(build(fields | {"body": body}, stamp)).get_content() == body.replace("\n", "\r\n")


@pytest.mark.parametrize("name", ["Rossi, Mario", 'say "hi"', "a\\b", "Müller", "a" * 90, "=?x?="])
def test_from_name_wins_over_the_name_in_from(fields: Fields, stamp: Stamp, name: str) -> None:
    sender = read(build(fields | {"from_name": name}, stamp))["From"].addresses[0]
    assert (sender.display_name.replace(" ", ""), sender.addr_spec) == (
        name.replace(" ", ""),
        "shop@example.com",
    )


def test_from_addr_is_another_name_of_from(fields: Fields, stamp: Stamp) -> None:
    fields["from_addr"] = fields.pop("from")
    assert read(build(fields, stamp))["From"] == "Shop <shop@example.com>"


def test_an_international_domain_goes_in_a_labels(fields: Fields, stamp: Stamp) -> None:
    built = build(fields | {"to": "ann@Bücher.example"}, stamp)
    assert "To: ann@xn--bcher-kva.example" in lines(built)
    assert built.is_ascii
    assert not built.needs_smtputf8


def test_an_international_name_needs_smtputf8_and_is_left_as_it_is(
    fields: Fields, stamp: Stamp
) -> None:
    built = build(fields | {"to": "Jörg <jörg@bücher.example>"}, stamp)
    message = message_from_string(built.data.decode(), policy=default)
    assert message["To"].addresses[0].addr_spec == "jörg@xn--bcher-kva.example"
    assert built.needs_smtputf8
    assert not built.is_ascii


def test_an_international_bcc_is_a_matter_of_the_envelope(fields: Fields, stamp: Stamp) -> None:
    assert not build(fields | {"bcc": "jörg@example.org"}, stamp).needs_smtputf8


def test_a_long_subject_is_folded_between_words(fields: Fields, stamp: Stamp) -> None:
    subject = "word " * 40 + "end"
    built = build(fields | {"subject": subject}, stamp)
    assert max(map(len, lines(built))) <= 78
    assert read(built)["Subject"] == subject


def test_a_line_of_78_characters_is_not_folded(fields: Fields, stamp: Stamp) -> None:
    fits = "ab " * 22 + "abc"
    assert f"Subject: {fits}" in lines(build(fields | {"subject": fits}, stamp))
    longer = lines(build(fields | {"subject": fits + "d"}, stamp))
    assert longer[2:4] == ["Subject: " + "ab " * 21 + "ab", " abcd"]


@pytest.mark.parametrize("name", ["x" * 1100, "word " * 300 + "end", "a,b " * 300 + "c", "é" * 900])
def test_a_very_long_name_makes_no_very_long_line(fields: Fields, stamp: Stamp, name: str) -> None:
    built = build(fields | {"from_name": name}, stamp)
    assert max(map(len, lines(built))) <= 78
    assert read(built)["From"].addresses[0].display_name.replace(" ", "") == name.replace(" ", "")


@pytest.mark.parametrize("subject", ["Perché no? " * 20 + "x", "日本語" * 40, "👩‍👩‍👧" * 20])
def test_lines_with_encoded_words_have_76_characters_at_most(
    fields: Fields, stamp: Stamp, subject: str
) -> None:
    built = build(fields | {"subject": subject, "to": f'"{subject}" <a@b.example>'}, stamp)
    assert max(map(len, lines(built))) <= 76
    assert read(built)["Subject"] == subject


def test_a_long_link_in_a_header_is_not_encoded(fields: Fields, stamp: Stamp) -> None:
    link = f"<https://example.com/{'x' * 300}>"
    built = build(fields | {"headers": {"List-Unsubscribe": link}}, stamp)
    assert f"List-Unsubscribe: {link}" in lines(built)


def test_the_first_line_of_a_folded_header_is_never_empty(fields: Fields, stamp: Stamp) -> None:
    headers = {"X-" + "n" * 70: "é" * 100, "X-A": "x" * 200 + " y"}
    built = build(fields | {"headers": headers}, stamp)
    assert not any(line.endswith(":") for line in lines(built))
    assert read(built)["X-" + "n" * 70] == "é" * 100


@pytest.mark.parametrize(
    "tracking_id", ["x" * 255, "é" * 255, "a b " * 60 + "c", " a ", "=?utf-8?q?a?="]
)
def test_any_tracking_id_reads_back(fields: Fields, tracking_id: str) -> None:
    built = build(fields, Stamp("<a@b>", 0.0, tracking_id))
    assert read(built)["X-Genro-Mail-ID"] == tracking_id


def test_a_message_id_of_the_caller_is_literal(fields: Fields, stamp: Stamp) -> None:
    own = fields | {"message_id": "<own@example.com>"}
    assert read(build(own, stamp)).get_all("Message-ID") == ["<own@example.com>"]
    assert message_id_of(own) == "<own@example.com>"
    assert message_id_of(fields) is None


def test_subject_and_reply_to_in_headers_replace_the_fields(fields: Fields, stamp: Stamp) -> None:
    headers = {"SUBJECT": "Other", "reply-to": "Desk <desk@example.com>, b@example.com"}
    message = read(build(fields | {"reply_to": "x@example.com", "headers": headers}, stamp))
    assert message.get_all("Subject") == ["Other"]
    assert [a.addr_spec for a in message["Reply-To"].addresses] == [
        "desk@example.com",
        "b@example.com",
    ]
    assert list(message.keys()).count("Reply-To") == 1


def test_many_recipients_are_folded(fields: Fields, stamp: Stamp) -> None:
    to = [f"person{n}@example.org" for n in range(100)]
    built = build(fields | {"to": to}, stamp)
    assert max(map(len, lines(built))) <= 78
    assert [a.addr_spec for a in read(built)["To"].addresses] == to


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"from": None}, "from"),
        ({"from": ""}, "from"),
        ({"from": "a@b, c@d"}, "from"),
        ({"from": ["a@b"]}, "from"),
        ({"from_name": "a\r\nBcc: x@y"}, "from_name"),
        ({"from_name": 5}, "from_name"),
        ({"to": []}, "to"),
        ({"to": [""]}, "to"),
        ({"to": ["a b@c"]}, "to"),
        ({"to": {"a@b": "c"}}, "to"),
        ({"cc": ["a@b", "c@"]}, "cc"),
        ({"to": ["a@bü☃cher.example"]}, "to"),
        ({"cc": ["a@\u0661.example"]}, "cc"),
        ({"reply_to": "a"}, "reply_to"),
        ({"subject": ""}, "subject"),
        ({"subject": None}, "subject"),
        ({"subject": "a\nBcc: x@y"}, "subject"),
        ({"subject": 5}, "subject"),
        ({"body": 5}, "body"),
        ({"body": "a\x00"}, "body"),
        ({"text": ["a"]}, "text"),
        ({"html": 1}, "html"),
        ({"html": "\ud800"}, "html"),
        ({"body_html": {}}, "body_html"),
        ({"body_text": b"a"}, "body_text"),
        ({"headers": []}, "headers"),
        ({"headers": {"To": "a@b"}}, "headers.To"),
        ({"headers": {"X-A": "a\nb"}}, "headers.X-A"),
        ({"headers": {"Reply-To": "nobody"}}, "headers.Reply-To"),
        ({"headers": {"subject": "a\rb"}}, "headers.subject"),
        ({"message_id": "a@b"}, "message_id"),
        ({"attachments": [{"filename": "a.pdf"}]}, "attachments[0].storage_path"),
        ({"raw": "%%%"}, "raw"),
    ],
)
def test_a_bad_field_is_named_when_accepted_and_when_built(
    fields: Fields, stamp: Stamp, more: Fields, field: str
) -> None:
    with pytest.raises(Invalid) as at_acceptance:
        check_fields(fields | more)
    with pytest.raises(Invalid) as at_building:
        build(fields | more, stamp)
    assert at_acceptance.value.field == at_building.value.field == field


def test_a_bad_bcc_is_refused_when_accepted(fields: Fields) -> None:
    with pytest.raises(Invalid) as refused:
        check_fields(fields | {"bcc": ["a@b", "x y@z"]})
    assert refused.value.field == "bcc"


@pytest.mark.parametrize("more", [{}, {"attachments": []}, {"attachments": None}, {"unknown": 1}])
def test_good_fields_are_accepted(fields: Fields, more: Fields) -> None:
    check_fields(fields | more)
