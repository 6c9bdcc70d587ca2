"""The name of an attachment reads back as it was given, and older readers get something like it."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mail_proxy.compose.filename import filename_parameters
from mail_proxy.domain.attachment import read_attachments
from mail_proxy.domain.errors import Invalid
from tests.faults.profile import SOAK, sized

FIELD = "Content-Disposition: attachment"
RIGHT_TO_LEFT = "invoice\u202efdp.exe"
HOSTILE = [
    'say "hi".pdf',
    "back\\slash\\",
    "a;b=c;filename=evil.exe",
    "100%25 %41.txt",
    "=?utf-8?q?a?=.pdf",
    "../../etc/passwd",
    "C:\\autoexec.bat",
    "utf-8''a.pdf",
    "two  blanks.txt",
    " edges ",
    ".",
    "'",
    '"',
    "*",
    RIGHT_TO_LEFT,
    "\u05e9\u05dc\u05d5\u05dd.pdf",
    "Pr\u00fcfung \u2013 \u4f60\u597d.docx",
    "e\u0301.txt",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467" * 40,
    "x" * 255,
    "word " * 50 + "x.pdf",
    "\U0010ffff" * 255,
    "--=_0.txt",
    "a\u00a0b",
]

unicode_names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=255)
ascii_names = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=255)


def can_be_given(name: str) -> bool:
    try:
        (read,) = read_attachments([{"filename": name, "storage_path": "base64:"}])
    except Invalid:
        return False
    return read.filename == name  # it holds no marker


def field_of(name: str) -> str:
    return f"{FIELD}{filename_parameters(name)}"


def read_back(field: str) -> str | None:
    head = f"MIME-Version: 1.0\r\nContent-Type: x/y\r\n{field}\r\n\r\n"
    message = message_from_bytes(head.encode("ascii"), policy=default)
    # As it is read: `get_filename` takes blanks, quotes and angle brackets off both ends.
    return message["Content-Disposition"].params.get("filename")


def in_old_words(field: str) -> str | None:
    """What a reader takes that does not know RFC 2231."""
    found = re.search(r'[; ]filename="([^"\\]*)"$', field)
    return found and found[1]


@settings(
    max_examples=sized(300, 5000),
    derandomize=not SOAK,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.one_of(unicode_names, ascii_names, st.sampled_from(HOSTILE)).filter(can_be_given))
@example("a")
@pytest.mark.slow
def test_any_name_reads_back_from_short_lines(name: str) -> None:
    field = field_of(name)
    assert read_back(field) == name
    assert max(map(len, field.split("\r\n"))) <= 78
    assert in_old_words(field)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_reads_back_from_short_lines(name: str) -> None:
    assert can_be_given(name)
    field = field_of(name)
    assert read_back(field) == name
    assert max(map(len, field.split("\r\n"))) <= 78
    assert in_old_words(field)


@pytest.mark.parametrize("name", ["a.pdf", "Report (1), final [2]_v3-x.tar.gz", "x" * 65])
def test_a_plain_name_is_written_once_and_as_it_is(name: str) -> None:
    assert filename_parameters(name).count("filename") == 1
    assert in_old_words(field_of(name)) == name


def test_a_short_one_stays_on_the_line() -> None:
    assert field_of("a.pdf") == 'Content-Disposition: attachment; filename="a.pdf"'
    assert len(field_of("x" * 34 + ".pdf").split("\r\n")) == 2


def test_a_name_in_another_script_is_written_in_utf8_and_then_alike() -> None:
    assert field_of("Pr\u00fcfung \u00bd;.pdf").split("\r\n") == [
        "Content-Disposition: attachment;",
        " filename*=utf-8''Pr%C3%BCfung%20%C2%BD%3B.pdf;",
        ' filename="Prufung 1_2_.pdf"',
    ]


@pytest.mark.parametrize(
    ("name", "alike"),
    [
        ("\u65e5\u672c.xlsx", "__.xlsx"),
        ("x" * 255, "x" * 65),
        ("\u00e9" * 250 + ".pdf", "e" * 61 + ".pdf"),
        ("\u0301", "_"),
        ("\u00e9.", "e."),
        (".\u00e9", ".e"),
        ("\u00e9." + "x" * 80, "e." + "x" * 63),
    ],
)
def test_the_name_for_old_readers_keeps_its_ending(name: str, alike: str) -> None:
    assert in_old_words(field_of(name)) == alike


def test_no_character_is_cut_in_two() -> None:
    sections = re.findall(r"filename\*\d+\*=(?:utf-8'')?([^;]*)", field_of("\u65e5" * 255))
    assert len(sections) > 20
    assert all(len(section) % len("%E6%97%A5") == 0 for section in sections)
