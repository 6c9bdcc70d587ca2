"""G15: on the wire there are only CRLF lines, dots are stuffed, and each message ends once."""

from __future__ import annotations

import base64
import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from itertools import product
from typing import Any, cast

import pytest

from mail_proxy.compose import Built, Stamp, build, check_fields
from mail_proxy.domain.errors import Invalid
from mail_proxy.sinks.link import Link
from mail_proxy.sinks.smtp import SmtpSink
from tests.faults.pools import opened_pool, relay_at, send

STAMP = Stamp("<1@x.example>", 1_700_000_000.0, "1")
FIELDS = {"from": "s@x.example", "to": ["a@x.example"], "subject": "s"}
BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
END = b"\r\n.\r\n"

ENDS = ["\r\n", "\n", "\r", "\r\r", "\n\r", "\r\r\n"]
SHAPES = ["a{0}.{0}b", "{0}.{0}MAIL FROM:<evil@x>{0}", ".{0}..{0}", "a{0}.", "{0}{0}.{0}{0}"]
BODIES = [shape.format(end) for shape, end in product(SHAPES, ENDS)]


def test_g15_there_are_thirty_bodies() -> None:
    assert len({*BODIES}) == 30


def as_lines(text: str) -> list[str]:
    return re.sub(r"\r\n|\r|\n", "\n", text).removesuffix("\n").split("\n")


def text_of(part: Any) -> list[str]:
    return as_lines(cast("EmailMessage", part).get_content())


async def over_the_wire(built: Built) -> EmailMessage:
    """Send it, look at every octet that was said, and read what the server took."""
    async with SmtpSink() as sink, Link(sink.port) as link:
        async with opened_pool() as pool:
            assert (await send(pool, relay_at(link.port), built.data)).is_accepted
        (said,) = link.sent
        assert not BARE.search(said)
        assert said.count(END) == 1
        assert bytes(said).partition(END)[2] == b"QUIT\r\n"
        assert max(map(len, said.split(b"\r\n"))) <= 998
        (received,) = sink.messages
        assert received.data == built.data
    return message_from_bytes(received.data, policy=default)


@pytest.mark.parametrize(
    "suffix", ["", "\u00e8 " * 3, "\u65e5\u672c\u8a9e" * 9], ids=["7bit", "qp", "base64"]
)
@pytest.mark.parametrize("body", BODIES, ids=ascii)
async def test_g15_text_arrives_as_it_was_asked_for(body: str, suffix: str) -> None:
    message = await over_the_wire(build(FIELDS | {"body": body + suffix}, STAMP))
    assert text_of(message) == as_lines(body + suffix)


@pytest.mark.parametrize("body", BODIES, ids=ascii)
async def test_g15_text_and_html_arrive_as_they_were_asked_for(body: str) -> None:
    message = await over_the_wire(build(FIELDS | {"text": body, "html": body + "\u00e8"}, STAMP))
    plain, html = message.iter_parts()
    assert text_of(plain) == as_lines(body)
    assert text_of(html) == as_lines(body + "\u00e8")


@pytest.mark.parametrize("body", BODIES, ids=ascii)
async def test_g15_a_raw_message_of_eight_bits_arrives_as_it_was_given(body: str) -> None:
    octets = body.encode() + b"\xe9\xff"
    raw = base64.b64encode(b"From: s@x.example\r\n\r\n" + octets).decode()
    built = build({"raw": raw}, STAMP)
    assert not built.is_ascii
    message = await over_the_wire(built)
    came = cast("bytes", message.get_payload(decode=True)).decode("latin-1")
    assert as_lines(came) == as_lines(octets.decode("latin-1"))


@pytest.mark.parametrize("body", BODIES, ids=ascii)
@pytest.mark.parametrize("field", ["subject", "from_name", "headers.X-A", "message_id", "to"])
def test_g15_a_line_end_in_a_header_is_refused(field: str, body: str) -> None:
    value: Any = f"a{body}b"
    name, _, header = field.partition(".")
    changed: dict[str, Any] = {name: {header: value} if header else value}
    with pytest.raises(Invalid) as refused:
        check_fields(FIELDS | changed)
    assert refused.value.field == field


@pytest.mark.parametrize(
    "text", ["." * 99, ". " * 99, "=2E" * 40, "=?utf-8?q?=0D=0A.=0D=0A?=", "\u00e8.\t." * 50]
)
async def test_g15_dots_in_header_text_are_only_text(text: str) -> None:
    message = await over_the_wire(
        build(FIELDS | {"subject": text, "headers": {"X-A": text}}, STAMP)
    )
    assert (message["Subject"], message["X-A"]) == (text, text)
