"""How values become figures, and what reaches a goal."""

from __future__ import annotations

import pytest

from mail_proxy.bench import FIGURES, MEASURES, Plan
from mail_proxy.bench.figures import Figures, percentile
from mail_proxy.bench.letter import composed, posted, wire_bytes
from mail_proxy.cli.bench import MEASURES as OFFERED


def reached(name: str, *values: float) -> str:
    figures = Figures()
    for value in values:
        figures.add(name, value)
    return figures.results()[0].reached


def test_the_command_offers_the_measures_that_there_are() -> None:
    assert OFFERED == MEASURES


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("drain_rate", 2999, "no"),
        ("drain_rate", 3000, "yes"),
        ("drain_rate", 6000, "beyond"),
        ("accept_single_p99_ms", 25.1, "no"),
        ("accept_single_p99_ms", 25, "yes"),
        ("mail_from_ms", 3, "beyond"),
        ("drain_to_raw", 0.49, "no"),
        ("drain_to_raw", 0.5, "yes"),
        ("scale_post", 1.6, "no"),
        ("scale_post", 1.0, "yes"),
        ("pipelining_gain", 1.6, "no"),
        ("raw_rate", 1, ""),
    ],
)
def test_a_goal_is_reached_from_its_own_side(name: str, value: float, expected: str) -> None:
    assert reached(name, value) == expected


def test_the_median_of_the_runs_counts() -> None:
    assert reached("drain_rate", 1, 3500, 4000) == "yes"


def test_what_is_better_still_is_better_than_what_is_asked() -> None:
    for figure in FIGURES:
        if figure.beyond is not None:
            assert figure.reaches(figure.beyond, figure.at_least)


def test_each_depth_of_the_queue_has_a_result_of_its_own() -> None:
    figures = Figures()
    figures.add("scale_post", 1.1, depth=1_000_000)
    figures.add("scale_post", 1.0, depth=100_000)
    assert [result.depth for result in figures.results()] == [100_000, 1_000_000]


@pytest.mark.parametrize(("percent", "expected"), [(50, 51), (99, 100), (0, 1)])
def test_a_percentile_is_one_of_the_values(percent: int, expected: int) -> None:
    assert percentile(range(100, 0, -1), percent) == expected


def test_the_depths_rise_and_hold_the_one_that_was_asked_for() -> None:
    assert Plan().depths == (1000, 100_000)
    assert Plan(scale=1_000_000).depths == (1000, 100_000, 1_000_000)
    assert Plan(messages=200).depths == (200, 4000)


def test_a_posted_text_is_as_long_on_the_wire_as_the_checks_expect() -> None:
    body = composed(7).split(b"\r\n\r\n", 1)[1]
    assert len(body) == wire_bytes()
    assert b'"id":"b7"' in posted(7, "main")
