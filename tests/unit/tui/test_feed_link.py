"""How a daemon is lost and found again."""

from __future__ import annotations

import pytest

from mail_proxy.domain.errors import MailProxyError, NotRunning, Unauthorized
from mail_proxy_tui.feed.link import BACKOFF_S, Link, Phase, rest_s, versions_differ

DOWN = NotRunning("no daemon answers at control.sock", hint="mail-proxy start myserver")


def test_one_that_connects_is_asked_at_once() -> None:
    assert Link().ask_at(5.0, 1.0) == 5.0


def test_an_answer_makes_it_live() -> None:
    link = Link().answered(100.0, 0.02)
    assert (link.phase, link.is_up, link.seen_at) == (Phase.LIVE, True, 100.0)
    assert link.ask_at(100.0, 5.0) == 105.0


def test_slow_answers_double_the_interval_until_it_recovers() -> None:
    link = Link()
    asked = []
    for took_s in (3.1, 2.5, 9.0):
        link = link.answered(100.0, took_s)
        asked.append(link.ask_at(0.0, 1.0))
    assert (link.phase, link.latency_s, asked) == (Phase.SLOW, 9.0, [2.0, 4.0, 8.0])
    assert link.answered(110.0, 0.1).ask_at(0.0, 1.0) == 1.0


def test_one_that_is_slow_for_hours_is_still_asked_twice_a_minute() -> None:
    link = Link()
    for _ in range(100):
        link = link.answered(0.0, 3.0)
    assert link.ask_at(0.0, 1.0) == 32.0


def test_an_answer_that_is_waited_for_is_slow_already() -> None:
    live = Link().answered(100.0, 0.1)
    assert live.waited(1.9) is live
    assert (live.waited(2.5).phase, live.waited(2.5).latency_s) == (Phase.SLOW, 2.5)
    assert Link().waited(5.0).phase is Phase.CONNECTING


def test_a_lost_one_is_tried_after_growing_waits() -> None:
    link = Link().answered(0.0, 0.1)
    waits = []
    for _ in range(7):
        link = link.lost(50.0, DOWN)
        waits.append((link.retry_at or 0.0) - 50.0)
    assert waits == [*BACKOFF_S, 10.0, 10.0] == [1, 2, 4, 8, 10, 10, 10]


def test_a_lost_one_says_why_when_it_was_seen_and_what_to_do() -> None:
    link = Link().answered(40.0, 0.1).lost(50.0, DOWN)
    assert (link.phase, link.is_up, link.seen_at, link.is_absent) == (Phase.DOWN, False, 40.0, True)
    assert (link.reason, link.hint) == (str(DOWN), "mail-proxy start myserver")


def test_one_that_answers_nonsense_may_be_running() -> None:
    assert not Link().lost(0.0, MailProxyError("no answer within 10 s")).is_absent


def test_after_an_answer_the_waits_begin_anew() -> None:
    link = Link().lost(0.0, DOWN).lost(1.0, DOWN).answered(3.0, 0.1).lost(4.0, DOWN)
    assert link.retry_at == 5.0


def test_a_refused_token_is_not_tried_again_by_itself() -> None:
    link = Link().answered(0.0, 0.1).lost(1.0, Unauthorized("wrong token"))
    assert (link.phase, link.ask_at(1.0, 1.0), link.countdown_s(2.0)) == (Phase.REFUSED, None, None)
    assert link.at_once(7.0).ask_at(1.0, 1.0) == 7.0


@pytest.mark.parametrize(("now", "shown"), [(50.0, 4), (50.1, 4), (53.0, 1), (53.9, 1), (60.0, 0)])
def test_the_countdown_is_in_whole_seconds_and_never_negative(now: float, shown: int) -> None:
    link = Link(Phase.DOWN, retry_at=54.0)
    assert link.countdown_s(now) == shown


def test_a_version_that_is_not_known_differs_from_none() -> None:
    assert versions_differ("1.1", "1.0")
    assert not versions_differ("1.1", "1.1")
    assert not versions_differ("1.1", None)


@pytest.mark.parametrize(("took_s", "waits_s"), [(0.0, 0.0), (0.05, 2.5), (3.0, 5.0)])
def test_a_list_takes_a_fiftieth_of_the_time(took_s: float, waits_s: float) -> None:
    assert rest_s(took_s) == waits_s
