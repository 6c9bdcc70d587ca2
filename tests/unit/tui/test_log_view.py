"""The lines of a log of which the oldest go."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from textual.app import App, ComposeResult

from mail_proxy_tui.feed.base import LogLine
from mail_proxy_tui.widgets import log_view
from mail_proxy_tui.widgets.log_view import LogView

pytestmark = pytest.mark.slow

KEPT = 100


class Log(App[None]):
    def compose(self) -> ComposeResult:
        yield LogView()


@pytest.fixture
async def view(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LogView]:
    """It keeps 100 lines, has that many, and shows ten; every fifth is a warning."""
    monkeypatch.setattr(log_view, "KEPT", KEPT)
    app = Log()
    async with app.run_test(size=(60, 10)) as pilot:
        shown = app.query_one(LogView)
        await pilot.pause()
        shown.add(lines(0, KEPT))
        await pilot.pause()
        yield shown


def lines(first: int, n: int) -> list[LogLine]:
    levels = ["INFO" if each % 5 else "WARNING" for each in range(first, first + n)]
    return [
        LogLine(f"2026-11-23T12:00:00Z {level} line-{each:03}", "2026-11-23T12:00:00Z", level)
        for each, level in enumerate(levels, start=first)
    ]


def seen(view: LogView) -> list[str]:
    """The words of each visible line."""
    return [view.render_line(y).text.split()[-1] for y in range(view.size.height)]


async def test_the_end_of_what_comes_first_is_shown(view: LogView) -> None:
    assert seen(view)[-1] == f"line-0{KEPT - 1}"


async def test_a_scrolled_view_shows_the_same_lines_while_others_come(view: LogView) -> None:
    view.action_page(-1)
    before = seen(view)
    view.add(lines(KEPT, 7))
    assert seen(view) == before
    assert view.n_all == KEPT


async def test_the_mark_of_a_search_stays_on_its_line(view: LogView) -> None:
    assert view.search("line-05")
    here = view.matches
    view.add(lines(KEPT, 7))
    assert view.matches == here
    assert view.next_match(-1)
    assert view.matches == (here[0] - 1, here[1])


async def test_a_mark_goes_with_its_line(view: LogView) -> None:
    assert view.search("line-003")
    view.add(lines(KEPT, 7))
    assert view.matches == (0, 0)


async def test_of_a_level_as_many_go_as_were_shown(view: LogView) -> None:
    view.choose_level("WARNING")
    view.action_step(-5)
    before = seen(view)
    view.add(lines(KEPT, 7))
    assert seen(view) == before
    assert view.n_shown == 20


async def test_the_end_is_followed_over_more_lines_than_are_kept(view: LogView) -> None:
    view.add(lines(KEPT, 3 * KEPT))
    assert view.n_all == KEPT
    assert seen(view)[-1] == f"line-{4 * KEPT - 1}"


async def test_only_new_lines_are_looked_at(view: LogView, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[LogLine] = []

    def is_wanted(line: LogLine, level: str, *, was_wanted: bool) -> bool:
        asked.append(line)
        return True

    monkeypatch.setattr(log_view, "is_wanted", is_wanted)
    new = lines(KEPT, 7)
    view.add(new)
    assert asked == new
