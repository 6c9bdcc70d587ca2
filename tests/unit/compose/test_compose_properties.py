"""What is written reads back, with the standard library, as exactly what was asked for.

The same hundred cases a test each time; 3,000 new ones each, 21,000 in all, with MAIL_PROXY_SOAK=1.
"""

from __future__ import annotations

import base64
import re
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import getaddresses
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mail_proxy.compose import Built, Stamp, build
from mail_proxy.compose.pieces import Rest
from mail_proxy.domain.address import Address, parse_address
from mail_proxy.domain.content import BytesContent
from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.message import check_headers, check_line, check_text
from tests.faults.profile import SOAK, sized

DATE, MESSAGE_ID = 1_700_000_000.0, "<0123456789abcdef@example.com>"
ALWAYS = ["From", "To", "Subject", "Date", "Message-ID", "X-Genro-Mail-ID", "MIME-Version"]
pytestmark = pytest.mark.slow
many = settings(
    max_examples=sized(100, 3000),
    derandomize=not SOAK,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

FIELDS = [
    *("from", "from_name", "to", "cc", "bcc", "reply_to", "subject", "body", "content_type"),
    *("html", "text", "body_text", "body_html", "headers", "message_id", "attachments"),
]
NASTY = [
    "=?utf-8?q?=0D=0ABcc:_x=40y.example?=",
    "\r\nBcc: x@y.example",
    "a\nX-Evil: 1",
    "\u2028Bcc: x@y.example",
    "=?",
    "?=",
    '"',
    "\\",
    " ",
    "  ",
    "\t",
    ",",
    "<x@y.example>",
    "à" * 40,
    "x" * 80,
    "x" * 1100,
    "日本語" * 30,
    "👩‍👩‍👧",
    "word " * 30,
    "e\u0301",
    ".",
    "\r",
    "\x85",
    "\x0b",
    "From ",
    "--",
    "\ud800",
    "\u202eright to left",
    "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "\U0010ffff",
]

anything = st.lists(
    st.one_of(
        st.text(max_size=30), st.sampled_from(NASTY), st.text('ab =?_"\\.,@<>:;()', max_size=9)
    ),
    max_size=8,
).map("".join)


def is_good(check: Any, value: object, **more: str) -> bool:
    try:
        check(value, **more)
    except Invalid:
        return False
    return True


line = anything.filter(lambda text: is_good(check_line, text, field="x"))
body = anything.filter(lambda text: is_good(check_text, text, field="x"))
subject = line.filter(bool)


def is_free_name(name: str) -> bool:
    """A header that has no field of its own, nor is one of ours."""
    return name.lower() not in ("subject", "reply-to") and is_good(check_headers, {name: "x"})


header_names = st.from_regex(r"\A[!-9;-~]{1,40}\Z").filter(is_free_name)
names = st.one_of(
    line, st.sampled_from(['"', "\\", ";", "\u202efdp.exe", "\u65e5" * 255, "x" * 255, "a.eml"])
).filter(lambda name: 0 < len(name) <= 255 and "\t" not in name and "{MD5:" not in name)
headers = st.dictionaries(header_names, line, max_size=3).map(check_headers)
locals_ = st.from_regex(r"\A[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}(\.[a-z0-9]{1,9}){0,2}\Z")
domains = st.sampled_from(["example.com", "a.b.example", "localhost", "bücher.example"])
addr_specs = st.builds("{}@{}".format, locals_, domains).filter(
    lambda text: is_good(parse_address, text, field="x")
)
displays = line.filter(lambda text: len(text) < 900 and "\t" not in text and text.strip() != "")
displays = st.one_of(st.just(""), displays)
addresses = st.builds(Address, displays, addr_specs)


def quoted(address: Address) -> str:
    """As a caller writes it, with the display name in quotes whatever it holds."""
    if not address.display:
        return address.addr_spec
    display = address.display.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{display}" <{address.addr_spec}>'


def built_or_refused(fields: dict[str, Any]) -> Built | Invalid:
    try:
        return build(fields, Stamp(MESSAGE_ID, DATE, "1"))
    except Invalid as refused:
        return refused


def read(data: bytes) -> EmailMessage:
    check_octets(data)
    return message_from_bytes(data, policy=default)


def check_octets(data: bytes) -> None:
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", data), "a bare CR or LF"
    assert max(map(len, data.split(b"\r\n"))) <= 998
    assert data.endswith(b"\r\n")
    head = data.partition(b"\r\n\r\n")[0]
    assert all(text.strip(b" \t") for text in head.split(b"\r\n")), "an empty header line"


def lines_of(text: str) -> list[str]:
    """Text modulo line ends and the final one."""
    text = re.sub(r"\r\n|\r|\n", "\n", text)
    return text.removesuffix("\n").split("\n")


def seen(message: EmailMessage, name: str) -> list[tuple[str, str]]:
    """(display name, addr-spec) of each mailbox."""
    names = [a.display_name for a in message[name].addresses]
    raw = dict(message.raw_items())[name].replace("\r\n", "")
    if "=?" in raw:
        # In encoded words the new parser adds and drops spaces (it keeps those that RFC 2047
        # section 6.2 says to ignore), so there the old one is asked for them.
        exact = [str(make_header(decode_header(name))) for name, _ in getaddresses([raw])]
        assert [re.sub(r"\s", "", name) for name in names] == [
            re.sub(r"\s", "", name) for name in exact
        ]
        names = exact
    addr_specs = [a.addr_spec.replace("xn--bcher-kva", "bücher") for a in message[name].addresses]
    return list(zip(names, addr_specs, strict=True))


def wanted(asked: list[Address]) -> list[tuple[str, str]]:
    return [(a.display, a.addr_spec) for a in asked]


@many
@given(subject=subject, text=body, own=headers, tracking_id=line.filter(bool))
def test_texts_of_a_direct_mail_read_back(
    subject: str, text: str, own: dict[str, str], tracking_id: str
) -> None:
    fields = {"from": "a@b.example", "to": "c@d.example", "subject": subject}
    built = build(fields | {"body": text, "headers": own}, Stamp(MESSAGE_ID, DATE, tracking_id))
    message = read(built.data)
    assert built.is_ascii
    assert not built.needs_smtputf8
    assert message["Subject"] == subject
    assert message["X-Genro-Mail-ID"] == tracking_id
    assert {name: message[name] for name in own} == own
    assert lines_of(message.get_content()) == lines_of(text)
    content = ["Content-Type", "Content-Transfer-Encoding"]
    assert sorted(message.keys()) == sorted([*ALWAYS, *content, *own])


@many
@given(
    sender=addresses,
    to=st.lists(addresses, min_size=1, max_size=4),
    cc=st.lists(addresses, max_size=3),
    reply_to=st.lists(addresses, max_size=2),
)
def test_addresses_of_a_direct_mail_read_back(
    sender: Address, to: list[Address], cc: list[Address], reply_to: list[Address]
) -> None:
    fields = {
        "from": quoted(sender),
        "to": [quoted(a) for a in to],
        "cc": ", ".join(quoted(a) for a in cc),
        "reply_to": [quoted(a) for a in reply_to],
        "subject": "s",
    }
    message = read(build(fields, Stamp(MESSAGE_ID, DATE, "1")).data)
    assert seen(message, "From") == wanted([sender])
    assert seen(message, "To") == wanted(to)
    for name, asked in (("Cc", cc), ("Reply-To", reply_to)):
        assert (seen(message, name) if asked else message.get_all(name, [])) == wanted(asked)


@many
@given(name=line.filter(str.strip))
def test_a_from_name_reads_back(name: str) -> None:
    fields = {"from": "a@b.example", "to": "c@d.example", "subject": "s", "from_name": name}
    message = read(build(fields, Stamp(MESSAGE_ID, DATE, "1")).data)
    assert seen(message, "From") == [(name, "a@b.example")]


@many
@given(text=body.filter(bool), html=body.filter(bool), subject=subject)
def test_text_and_html_read_back_from_a_mail_of_two_parts(
    text: str, html: str, subject: str
) -> None:
    fields = {"from": "a@b.example", "to": "c@d.example", "subject": subject}
    built = build(fields | {"text": text, "html": html}, Stamp(MESSAGE_ID, DATE, "1"))
    message = read(built.data)
    plain, marked = message.iter_parts()
    assert built.is_ascii
    assert message["Subject"] == subject
    assert sorted(message.keys()) == sorted([*ALWAYS, "Content-Type"])
    assert (plain.get_content_type(), marked.get_content_type()) == ("text/plain", "text/html")
    assert lines_of(plain.get_content()) == lines_of(text)
    assert lines_of(marked.get_content()) == lines_of(html)


@many
@given(
    text=body,
    html=st.none() | body.filter(bool),
    files=st.lists(
        st.tuples(names, st.binary(max_size=200), st.booleans(), st.booleans()),
        min_size=1,
        max_size=4,
    ),
)
def test_attachments_read_back_with_their_names(
    text: str, html: str | None, files: list[tuple[str, bytes, bool, bool]]
) -> None:
    """Each with its content, whether the HTML shows it, and whether it is in memory."""
    if html is not None:
        html += "".join(f'<img src="cid:id{n}">' for n in range(len(files)))
    asked = [
        {"filename": name, "storage_path": "/x", **({"content_id": f"id{n}"} if has_id else {})}
        for n, (name, _, has_id, _) in enumerate(files)
    ]
    contents = [
        BytesContent(data) if in_memory else Rest(BytesContent(b"x" + data), b"x")
        for _, data, _, in_memory in files
    ]
    fields = {"from": "a@b.example", "to": "c@d.example", "subject": "s", "attachments": asked}
    built = build(fields | {"text": text, "html": html}, Stamp(MESSAGE_ID, DATE, "1"), contents)
    data = built.data if isinstance(built.data, bytes) else b"".join(built.data.blocks())
    message = read(data)
    parts = [part for part in message.walk() if "Content-Disposition" in part]
    found = [
        (part["Content-Disposition"].params["filename"], part.get_payload(decode=True))
        for part in parts
    ]
    images = [(name, data) for name, data, has_id, _ in files if has_id and html]
    others = [(name, data) for name, data, has_id, _ in files if not (has_id and html)]
    assert found == images + others
    assert [part["Content-ID"] for part in parts if part["Content-ID"]] == [
        f"<{entry['content_id']}>" for entry in asked if "content_id" in entry
    ]
    bodies = [part for part in message.walk() if part.get_content_charset() == "utf-8"]
    assert [lines_of(part.get_content()) for part in bodies] == [
        lines_of(kind) for kind in (text if text or not html else None, html) if kind is not None
    ]
    assert built.is_ascii
    assert not [part.defects for part in message.walk() if part.defects]


@many
@given(
    hostile=st.dictionaries(
        st.sampled_from(FIELDS), st.one_of(anything, st.none(), st.integers(), st.lists(anything))
    )
)
def test_any_fields_are_built_cleanly_or_refused_as_invalid(hostile: dict[str, Any]) -> None:
    fields = {"from": "a@b.example", "to": "c@d.example", "subject": "s"} | hostile
    built = built_or_refused(fields)
    if isinstance(built, Invalid):
        assert built.field is not None
        return
    names = set(read(built.data).keys())
    assert names <= {*ALWAYS, "Cc", "Reply-To", "Content-Type", "Content-Transfer-Encoding"}


@many
@given(head=st.lists(anything, max_size=5), text=anything)
def test_a_raw_message_is_sent_cleanly_or_refused_as_invalid(head: list[str], text: str) -> None:
    source = "\n".join(["From: a@b.example", *head, "", text])
    raw = base64.b64encode(source.encode("utf-8", "surrogatepass")).decode()
    built = built_or_refused({"raw": raw})
    if isinstance(built, Invalid):
        assert built.field == "raw"
        return
    message = read(built.data)
    assert message.get_all("X-Genro-Mail-ID") == ["1"]
    assert "Bcc" not in message


@many
@given(name=st.one_of(header_names, anything), value=st.one_of(line, anything))
def test_no_header_of_the_caller_adds_another(name: str, value: str) -> None:
    fields = {"from": "a@b.example", "to": "c@d.example", "subject": "s"}
    built = built_or_refused(fields | {"headers": {name: value}})
    if isinstance(built, Invalid):
        return
    keys = [key.lower() for key in read(built.data)]
    content = ["Content-Type", "Content-Transfer-Encoding"]
    expected = {key.lower() for key in [*ALWAYS, *content, name]}
    assert set(keys) == expected
    assert len(keys) == len(expected)
