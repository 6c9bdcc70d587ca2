"""Ranges of RFC 9110 section 14."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.api.ranges import NotSatisfiable, asked_range

ETAG, MODIFIED = '"abc"', "Tue, 14 Nov 2023 22:13:20 GMT"


def asked(given_range: str | None, size: int = 10, **more: str) -> tuple[int, int] | None:
    headers = {} if given_range is None else {"Range": given_range}
    return asked_range({**headers, **more}, size=size, etag=ETAG, modified=MODIFIED)


@pytest.mark.parametrize(
    ("given_range", "part"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=2-5", (2, 6)),
        ("bytes=2-", (2, 10)),
        ("bytes=2-999", (2, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-999", (0, 10)),
        # The whole file: no range, several, or what is none.
        (None, None),
        ("bytes=0-1,4-5", None),
        ("bytes=5-2", None),
        ("bytes=-", None),
        ("lines=1-2", None),
        ("bytes=a-b", None),
        ("bytes=٣-٤", None),
        ("bytes=" + "9" * 40 + "-", None),
    ],
)
def test_a_range_is_read(given_range, part):
    assert asked(given_range) == part


@pytest.mark.parametrize(
    ("given_range", "size"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0)]
)
def test_what_is_not_in_the_file_is_told(given_range, size):
    with pytest.raises(NotSatisfiable):
        asked(given_range, size)


@pytest.mark.parametrize(
    ("condition", "part"),
    [(ETAG, (2, 6)), (MODIFIED, (2, 6)), ('"old"', None), (f"W/{ETAG}", None), ("", None)],
)
def test_a_part_of_another_version_is_not_sent(condition, part):
    assert asked("bytes=2-5", **{"If-Range": condition}) == part


@given(st.text(max_size=40), st.integers(0, 1000))
def test_whatever_is_asked_lies_within_the_file(text, size):
    try:
        part = asked(f"bytes={text}", size)
    except NotSatisfiable:
        return
    assert part is None or 0 <= part[0] < part[1] <= size
