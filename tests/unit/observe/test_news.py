"""The ring of what happens, and its readers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mail_proxy.observe.news import KINDS, LINES_PER_S, Line, News
from tests.patience import PATIENCE_S


class StillClock:
    """A wall clock for the stamps; the readers are told their time."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.at = now

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def dice(self) -> float:
        return 0.5

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("news wait for nobody")


@pytest.fixture
def news() -> News:
    return News(StillClock())


def ids(lines: list[Line]) -> list[Any]:
    return [line.data.get("id") for line in lines]


def test_a_reader_is_told_what_comes_and_not_what_was(news: News) -> None:
    news.put("sent", "acme", "main", "m-0")
    reader = news.reader()
    assert reader.take(0.0) == []
    news.put("deferred", "acme", "main", "m-1", "451 later")
    (line,) = reader.take(0.1)
    assert line.event == "deferred"
    assert line.data == {
        "kind": "deferred",
        "ts": 1_000_000.0,
        "tenant_id": "acme",
        "account_id": "main",
        "id": "m-1",
        "words": "451 later",
    }
    assert reader.take(0.2) == []


def test_a_tenant_is_told_of_its_own_alone(news: News) -> None:
    reader = news.reader("acme")
    news.put("sent", "bravo", "main", "theirs")
    news.put("suspended", "", words="everything")
    news.put("sent", "acme", "main", "ours")
    assert ids(reader.take(0.0)) == ["ours"]


def test_numbers_of_a_tenant_tell_nothing_of_others(news: News) -> None:
    reader = news.reader("acme")
    news.put("sent", "acme", id="a-1")
    for n in range(50):
        news.put("sent", "bravo", id=f"b-{n}")
    news.put("sent", "acme", id="a-2")
    first, second = reader.take(0.0)
    assert second.id == first.id + 1


def test_only_the_wanted_kinds_are_told(news: News) -> None:
    reader = news.reader(kinds={"failed"})
    news.put("sent", "acme", id="m-1")
    news.put("failed", "acme", id="m-2")
    assert ids(reader.take(0.0)) == ["m-2"]


@pytest.mark.parametrize("whose", [None, "acme"])
def test_a_reader_that_comes_again_goes_on_where_it_was(news: News, whose: str | None) -> None:
    reader = news.reader(whose)
    for n in range(3):
        news.put("sent", "acme", id=f"m-{n}")
        news.put("sent", "bravo", id=f"m-{n}" if whose is None else "theirs")
    lines = reader.take(0.0)
    again = news.reader(whose, after=lines[0].id)
    assert again.take(0.0) == lines[1:]


def test_zero_is_all_that_is_kept(news: News) -> None:
    news.put("sent", "acme", id="m-1")
    assert ids(news.reader(after=0).take(0.0)) == ["m-1"]


def test_a_number_of_an_earlier_start_brings_all_of_this_one() -> None:
    clock = StillClock()
    before = News(clock)
    before.put("sent", "acme", id="m-1")
    (line,) = before.reader(after=0).take(0.0)
    clock.at += 0.5
    now = News(clock)
    now.put("sent", "acme", id="m-2")
    assert ids(now.reader(after=line.id).take(0.0)) == ["m-2"]


def test_a_number_that_is_yet_to_come_is_from_now_on(news: News) -> None:
    news.put("sent", "acme", id="m-1")
    reader = news.reader(after=2**62)
    assert reader.take(0.0) == []
    news.put("sent", "acme", id="m-2")
    assert ids(reader.take(0.0)) == ["m-2"]


@pytest.mark.parametrize("whose", [None, "acme"])
def test_a_slow_reader_learns_how_many_it_has_lost(whose: str | None) -> None:
    news = News(StillClock(), kept=10)
    reader = news.reader(whose)
    for n in range(25):
        news.put("sent", "acme", id=f"m-{n}")
    dropped, *lines = reader.take(0.0)
    assert (dropped.event, dropped.data["n"], dropped.id) == ("dropped", 15, None)
    assert ids(lines) == [f"m-{n}" for n in range(15, 25)]
    assert reader.take(1.0) == []


def test_what_a_tenant_has_lost_is_its_own() -> None:
    news = News(StillClock(), kept=4)
    reader = news.reader("acme")
    news.put("sent", "acme", id="lost")
    for _ in range(9):
        news.put("sent", "bravo")
    (dropped,) = reader.take(0.0)
    assert dropped.data["n"] == 1


def test_a_reader_that_comes_again_too_late_learns_what_it_has_missed() -> None:
    news = News(StillClock(), kept=4)
    reader = news.reader()
    news.put("sent", "acme", id="m-0")
    (line,) = reader.take(0.0)
    for n in range(1, 8):
        news.put("sent", "acme", id=f"m-{n}")
    dropped, *lines = news.reader(after=line.id).take(0.0)
    assert dropped.data["n"] == 3
    assert ids(lines) == ["m-4", "m-5", "m-6", "m-7"]


def test_too_much_is_folded_into_counts_a_second() -> None:
    news = News(StillClock())
    reader = news.reader()
    told: list[Line] = []
    for step in range(10):  # 3,000 a second for two seconds, looked at five times a second
        for n in range(590):
            news.put("sent", "acme", id=f"m-{n}")
        for _ in range(10):
            news.put("deferred", "acme")
        told += reader.take(step / 5)
    told += reader.take(3.0)
    summaries = [line for line in told if line.event == "summary"]
    lines = len(told) - len(summaries)
    assert lines <= 3 * LINES_PER_S  # two seconds, and a first burst
    assert sum(line.data["n"] for line in summaries) + lines == 6000
    assert all(sum(line.data["counts"].values()) == line.data["n"] for line in summaries)
    assert 2 <= len(summaries) <= 3
    assert not reader.owes_summary


def test_what_is_rare_is_shown_before_what_is_usual() -> None:
    news = News(StillClock())
    reader = news.reader()
    for n in range(1000):
        news.put("sent", "acme", id=f"m-{n}")
    news.put("paused", "acme", "main", words="535 wrong password")
    lines = reader.take(0.0)
    assert len(lines) == LINES_PER_S
    assert lines[-1].event == "paused"


def test_what_comes_in_peace_is_never_folded() -> None:
    news = News(StillClock())
    reader = news.reader()
    for second in range(30):
        for n in range(LINES_PER_S // 2):
            news.put("sent", "acme", id=f"{second}-{n}")
        assert len(reader.take(float(second))) == LINES_PER_S // 2


def test_what_a_reader_catches_up_with_is_whole(news: News) -> None:
    for n in range(1500):
        news.put("sent", "acme", id=f"m-{n}")
    assert len(news.reader(after=0).take(0.0)) == 1500


def test_a_catch_up_costs_nothing_of_what_comes_next(news: News) -> None:
    for n in range(1500):
        news.put("sent", "acme", id=f"m-{n}")
    reader = news.reader(after=0)
    reader.take(0.0)
    news.put("failed", "acme", id="m-2")
    assert [line.event for line in reader.take(0.1)] == ["failed"]


def test_what_is_owed_at_the_end_is_told(news: News) -> None:
    reader = news.reader()
    for n in range(900):
        news.put("sent", "acme", id=f"m-{n}")
    reader.take(0.0)
    (summary,) = reader.take(0.1, is_last=True)
    assert summary.data["counts"] == {"sent": 900 - LINES_PER_S}
    assert reader.take(0.2, is_last=True) == []


def test_words_are_cut_and_numbers_are_told(news: News) -> None:
    reader = news.reader()
    news.put("posted", "acme", n=12, words="x" * 5000)
    (line,) = reader.take(0.0)
    assert (line.data["n"], len(line.data["words"])) == (12, 500)


async def test_whoever_waits_is_woken(news: News) -> None:
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(news.wait())
        await asyncio.sleep(0)
        news.put("sent", "acme")


def test_kinds_are_each_of_one_thing() -> None:
    assert len(set(KINDS)) == len(KINDS)
    assert not {"dropped", "summary", "end", "error"} & set(KINDS)
