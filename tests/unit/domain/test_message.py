"""What a caller may put in a message."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.message import (
    PRIORITIES,
    check_batch_code,
    check_headers,
    check_id,
    check_line,
    check_message_id,
    check_text,
    message_id_for,
    parse_priority,
)

RESERVED = [
    *("From", "Sender", "To", "Cc", "Bcc", "Date", "Message-ID", "MIME-Version"),
    *("Return-Path", "Received", "Authentication-Results", "X-Genro-Mail-ID"),
    *("Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "Content-ID"),
    *("DKIM-Signature", "ARC-Seal", "ARC-Authentication-Results", "Resent-To", "Resent-Bcc"),
]


@pytest.mark.parametrize(
    "text", ["", "a", "line\r\nline\n\ttab\x0c\x1b", "é 日本 👩‍👩‍👧 \u2028", "\ufffe"]
)
def test_text_may_have_lines_and_anything_printable(text: str) -> None:
    assert check_text(text, field="body") == text


@pytest.mark.parametrize(
    "value", ["a\x00b", "é\x00", "\ud800", "a\udfff", None, 5, b"a", ["a"], True]
)
def test_text_has_no_nul_and_no_half_of_a_pair(value: object) -> None:
    with pytest.raises(Invalid) as refused:
        check_text(value, field="body")
    assert refused.value.field == "body"


def test_half_of_a_pair_in_json_is_refused() -> None:
    with pytest.raises(Invalid, match=r"U\+D83D"):
        check_text(json.loads(r'"\ud83d"'), field="body")


@pytest.mark.parametrize(
    "char",
    ["\r", "\n", "\x00", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"],
)
def test_a_line_has_no_control_and_no_end(char: str) -> None:
    with pytest.raises(Invalid, match=rf"subject contains the character U\+{ord(char):04X}"):
        check_line(f"a{char}b", field="subject")


@pytest.mark.parametrize("text", ["", " ", "a\tb", "\u00a0", "\u200d", "é", "x" * 16_384])
def test_a_line_may_have_a_tab_and_any_space(text: str) -> None:
    assert check_line(text, field="subject") == text


@pytest.mark.parametrize("value", ["x" * 16_385, None, 5, ["a"]])
def test_a_line_is_text_with_a_limit(value: object) -> None:
    with pytest.raises(Invalid):
        check_line(value, field="subject")


@pytest.mark.parametrize("name", RESERVED)
@pytest.mark.parametrize("change", [str, str.lower, str.upper])
def test_a_reserved_header_is_refused_in_any_case(name: str, change: Any) -> None:
    with pytest.raises(Invalid) as refused:
        check_headers({change(name): "x"})
    assert refused.value.field == f"headers.{change(name)}"


@pytest.mark.parametrize("name", RESERVED)
def test_a_reserved_header_is_refused_even_without_a_value(name: str) -> None:
    with pytest.raises(Invalid):
        check_headers({name: None})


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "X Y",
        "X:",
        ":X",
        "X-\n",
        "X-A\r\nBcc",
        "X-\x00",
        "X-é",
        "X\t",
        "\ud800",
        "x" * 77,
        "X-A: b\r\nBcc",
    ],
)
def test_a_header_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_headers({name: "x"})
    assert refused.value.field == "headers"
    assert str(refused.value).isprintable()


def test_a_header_name_must_be_text() -> None:
    with pytest.raises(Invalid):
        check_headers({5: "x"})


@pytest.mark.parametrize(
    "name",
    [
        "X-A",
        "List-Unsubscribe",
        "Reply-To",
        "Subject",
        "In-Reply-To",
        "x" * 76,
        "Contents",
        "X-Content-Y",
        "!#$%",
    ],
)
def test_other_headers_are_taken(name: str) -> None:
    assert check_headers({name: "x"}) == {name: "x"}


def test_header_values_become_text_and_none_is_left_out() -> None:
    given_ = {"X-A": "a", "X-I": 5, "X-F": 1.5, "X-B": True, "X-N": None, "X-E": ""}
    assert check_headers(given_) == {"X-A": "a", "X-I": "5", "X-F": "1.5", "X-B": "True", "X-E": ""}


@pytest.mark.parametrize(
    "value",
    [
        "a\r\nBcc: x@y",
        "a\nb",
        "a\rb",
        "a\x00",
        ["a"],
        {"a": 1},
        b"a",
        pytest.param(10**5000, id="a number of 5,000 digits"),
    ],
)
def test_a_header_value_of_several_lines_or_parts_is_refused(value: object) -> None:
    with pytest.raises(Invalid) as refused:
        check_headers({"X-A": value})
    assert refused.value.field == "headers.X-A"


def test_of_two_names_that_differ_in_case_the_later_wins() -> None:
    assert check_headers({"X-A": "1", "X-B": "2", "x-a": "3"}) == {"X-B": "2", "x-a": "3"}


@pytest.mark.parametrize("value", [[], "X-A: b", 5, [("X-A", "b")]])
def test_headers_must_be_an_object(value: object) -> None:
    with pytest.raises(Invalid) as refused:
        check_headers(value)
    assert refused.value.field == "headers"


def test_no_headers_are_no_headers() -> None:
    assert check_headers(None) == {}


def test_there_are_at_most_200_headers() -> None:
    assert len(check_headers({f"X-{n}": n for n in range(200)})) == 200
    with pytest.raises(Invalid, match="more than 200"):
        check_headers({f"X-{n}": n for n in range(201)})


@pytest.mark.parametrize(
    "value", ["a", "order 1/2", "é日本", "x" * 255, "=?utf-8?q?a?=", "a,b", "*"]
)
def test_an_id_is_any_printable_text(value: str) -> None:
    assert check_id(value) == value


@pytest.mark.parametrize(
    "value", ["", "x" * 256, "a\nb", "a\tb", "\x00", "\x7f", "\u202e", "\ud800", 5, None, ["a"]]
)
def test_an_id_without_end_or_with_controls_is_refused(value: object) -> None:
    with pytest.raises(Invalid) as refused:
        check_id(value)
    assert refused.value.field == "id"


@pytest.mark.parametrize("value", ["spring sale", "x" * 64, "**", "é"])
def test_a_batch_code_is_a_short_name(value: str) -> None:
    assert check_batch_code(value) == value


@pytest.mark.parametrize("value", ["", "x" * 65, "a,b", ",", "*", "a\nb", 5, None])
def test_a_batch_code_is_not_a_list_and_not_the_whole_tenant(value: object) -> None:
    with pytest.raises(Invalid) as refused:
        check_batch_code(value)
    assert refused.value.field == "batch_code"


@pytest.mark.parametrize(
    ("value", "priority"),
    [
        *PRIORITIES.items(),
        *[
            ("normal", 2),
            ("HIGH", 1),
            (" low ", 3),
            ("0", 0),
            ("3", 3),
            ("9", 3),
            ("-1", 0),
            ("+2", 2),
        ],
        *[(0, 0), (1, 1), (2, 2), (3, 3), (9, 3), (-4, 0), (10**30, 3)],
    ],
)
def test_a_priority_is_a_label_or_a_number_that_is_clamped(value: object, priority: int) -> None:
    assert parse_priority(value) == priority


@pytest.mark.parametrize(
    "value", ["", "urgent", "1.0", "\u0661", "1e1", "9" * 5000, 1.0, True, None, [], {}]
)
def test_any_other_priority_is_refused(value: object) -> None:
    with pytest.raises(Invalid) as refused:
        parse_priority(value)
    assert refused.value.field == "priority"


@given(st.integers())
def test_every_number_is_a_priority(number: int) -> None:
    assert parse_priority(number) in PRIORITIES.values()


def test_our_message_id_is_random_at_the_senders_domain() -> None:
    assert message_id_for("example.com", bytes(range(16))) == (
        "<000102030405060708090a0b0c0d0e0f@example.com>"
    )


@pytest.mark.parametrize(
    "domain",
    ["example.com", "localhost", "[192.0.2.1]", "[IPv6:::1]", "bücher.example", "例え.テスト"],
)
def test_our_message_id_is_good_for_every_domain(domain: str) -> None:
    made = message_id_for(domain, b"\x01" * 16)
    assert check_message_id(made) == made


def test_our_message_id_has_a_labels() -> None:
    assert message_id_for("bücher.example", b"\x01").endswith("@xn--bcher-kva.example>")


@pytest.mark.parametrize(
    "value", ["<a@b>", "<20260101.x+y=z@mail.example.com>", f"<{'x' * 800}@b>"]
)
def test_a_message_id_of_the_caller_is_taken(value: str) -> None:
    assert check_message_id(value) == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a@b",
        "<ab>",
        "<a@b",
        "<a@b>x",
        "<a b@c>",
        "<a@b>\r\nBcc: x@y",
        "<a@b>\n",
        "<a@b@c>",
        "<a@<b>",
        "<é@b>",
        "<\x00@b>",
        f"<{'x' * 900}@b>",
        5,
        None,
    ],
)
def test_a_message_id_of_another_shape_is_refused(value: object) -> None:
    with pytest.raises(Invalid) as refused:
        check_message_id(value)
    assert refused.value.field == "message_id"
