from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.domain.spreadsheet import as_cell, from_cell


@pytest.mark.parametrize(
    "text", ["=1+1", "+39 02", "-cmd", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1+1"]
)
def test_what_begins_as_a_formula_becomes_text(text: str) -> None:
    assert as_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "ann@example.org", "a=b", "'quoted'"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert as_cell(text) == text


@given(st.text().filter(lambda text: not text.startswith("'")))
def test_a_cell_is_read_as_it_was_written(text: str) -> None:
    assert from_cell(as_cell(text)) == text
