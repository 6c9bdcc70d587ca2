from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.domain.safe_text import safe_page, safe_text


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        ("plain", "plain"),
        ("héllo 日本", "héllo 日本"),
        ("\x1b]0;owned\x07x", "]0;ownedx"),
        ("\x1b[31mred", "[31mred"),
        ("c1 \x9b31m", "c1 31m"),
        ("a\r\nb\tc", "a b c"),
        ("a\u202egpj.exe", "a\ufffdgpj.exe"),
        ("a\u200bb\u2066c\ufeff", "a\ufffdb\ufffdc\ufffd"),
        ("bad \ud800", "bad \ufffd"),
        ("[/b] [red]x[/red]", "[/b] [red]x[/red]"),
        (None, ""),
        (42, "42"),
    ],
)
def test_what_a_terminal_would_act_on_is_taken_out(foreign: object, shown: str) -> None:
    assert safe_text(foreign) == shown


def test_a_long_text_is_cut_and_says_so() -> None:
    assert safe_text("x" * 100, 10) == "x" * 9 + "…"


@given(st.text(), st.integers(1, 50))
def test_nothing_unprintable_and_nothing_too_long_comes_out(text: str, limit: int) -> None:
    shown = safe_text(text, limit)
    assert len(shown) <= limit
    assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in shown)
    shown.encode()


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("one\ntwo\n", "one\ntwo\n"),
        ("a\tb\n", "a\tb\n"),
        ("\x1b[1mID\x1b[0m \x1b[31mred\x1b[0m", "\x1b[1mID\x1b[0m \x1b[31mred\x1b[0m"),
        ("\x1b]0;owned\x07\n\x1b[2J\x9b31m", "]0;owned\n[2J31m"),
        ("\x1b[8mhidden\x1b[m", "[8mhidden\x1b[m"),
        ("kept\roverwritten", "kept overwritten"),
        ("a\u202eb\u200bc", "a\ufffdb\ufffdc"),
        ("w" * 5000 + "é", "w" * 5000 + "é"),
        ("", ""),
    ],
)
def test_a_page_keeps_its_lines_tabs_and_colours_alone(page: str, shown: str) -> None:
    assert safe_page(page) == shown
