"""Times, sizes and counts as a person reads them."""

from __future__ import annotations

import pytest

from mail_proxy.domain import units


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (42.9, "42s"),
        (60, "1m"),
        (130, "2m10s"),
        (14 * 60 + 5, "14m"),
        (3900, "1h05m"),
        (3 * 86400 + 4 * 3600 + 59, "3d04h"),
        (-5, "0s"),
    ],
)
def test_a_duration_has_at_most_two_units(seconds: float, shown: str) -> None:
    assert units.duration(seconds) == shown


def test_times_are_read_as_numbers_and_as_text_without_zone() -> None:
    assert units.rfc3339(0) == "1970-01-01T00:00:00Z"
    assert units.rfc3339("1970-01-02T00:00:00.123") == "1970-01-02T00:00:00Z"
    assert units.rfc3339("yesterday") is None
    assert units.rfc3339(1e30) is None
    assert units.rfc3339(True) is None


def test_sizes_and_counts_are_short() -> None:
    assert [units.size(n) for n in (512, 48_123, 1_500_000)] == ["512 B", "48 kB", "1.5 MB"]
    assert units.count(9972) == "9 972"
