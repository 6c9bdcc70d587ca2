"""Bars, graphs, cells and lines, without a terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from mail_proxy.domain.state import State
from mail_proxy.domain.why import Cause
from mail_proxy_tui.board import Board
from mail_proxy_tui.draw.accounts import in_order, narrow_line, wide_lines
from mail_proxy_tui.draw.advice import advice, chance
from mail_proxy_tui.draw.cells import clipped, fitted, short_count, spread
from mail_proxy_tui.draw.glyphs import ASCII, UNICODE
from mail_proxy_tui.draw.graphs import gathered, gauge, spark
from mail_proxy_tui.draw.happenings import happening_line, latest_lines
from mail_proxy_tui.draw.letter import head_lines, now_lines, timeline_lines
from mail_proxy_tui.draw.messages import (
    columns_for,
    next_text,
    row_cells,
    short_age,
    state_word,
    to_text,
)
from mail_proxy_tui.draw.palette import PLAIN
from mail_proxy_tui.draw.queue import queue_lines
from mail_proxy_tui.draw.throughput import per_minute
from mail_proxy_tui.draw.title import title_line
from mail_proxy_tui.feed.base import Cells, Happening, Letter, MessageRow, TimelineEntry
from tests.unit.tui.fake_feed import NOW, message, numbers
from tests.unit.tui.stage import accounts

HOSTILE = "[/b]\x1b]0;title\x07 a\u202eb\u200b 李雷 [link=http://x]\ud800"


@given(st.text(), st.integers(0, 60))
def test_a_cell_is_as_wide_as_it_should_be_whatever_is_in_it(text: str, width: int) -> None:
    assert cell_len(fitted(text, width)) == width


@given(st.floats(0, 1), st.integers(2, 60))
def test_a_gauge_is_full_only_when_all_is_used(fraction: float, width: int) -> None:
    bar = gauge(fraction, width, ASCII)
    assert len(bar) == width
    assert (ASCII.empty not in bar) == (fraction >= 1 or width == 2)


def test_a_gauge_shows_the_smallest_use() -> None:
    assert gauge(0.001, 12, ASCII) == "[#.........]"
    assert gauge(0, 12, ASCII) == "[..........]"


def test_a_graph_is_scaled_to_its_greatest_value_and_has_gaps() -> None:
    assert spark([0, 1, 100, None, 50], 6, ASCII) == " _.#:-"
    assert spark([], 3, UNICODE) == "   "


def test_seconds_are_gathered_from_the_newest() -> None:
    assert gathered([1, 1, 1, 1, 1], 2, most=6) == [2, 3]
    assert gathered([None, None, None, 4, None], 2, most=6) == [None, 4]
    assert gathered([1], 0, most=6) == []


def test_a_rate_is_of_the_last_minute_and_not_known_without_counts() -> None:
    assert per_minute([100, *[1.0] * 60]) == 60
    assert per_minute([None]) is None


@pytest.mark.parametrize(
    ("n", "width", "shown"),
    [(9972, 6, "9972"), (123_456, 5, "123k"), (1_000_000, 5, "1.0M"), (99_999, 4, "99k")],
)
def test_a_great_count_is_shortened(n: int, width: int, shown: str) -> None:
    assert short_count(n, width) == shown


def test_both_ends_of_a_line_stay_and_the_left_one_is_cut() -> None:
    assert spread(Text("left"), Text("right"), 12).plain == "left   right"
    assert spread(Text("left"), Text("right"), 8).plain == "le right"
    assert clipped(Text("abcdef"), 4, "…").plain == "abc…"


@pytest.mark.parametrize("width", [60, 66, 72, 80, 82, 110, 138, 200])
@pytest.mark.parametrize("with_tenant", [True, False])
def test_columns_fill_the_list(width: int, with_tenant: bool) -> None:
    columns = columns_for(width, with_tenant=with_tenant)
    assert sum(c.width + 1 for c in columns) == width
    assert {"id", "state", "to", "next", "age"} <= {c.key for c in columns}
    assert ("subject" in {c.key for c in columns}) == (width >= 110)
    cells = row_cells(message(1, to=HOSTILE, subject=HOSTILE), columns, NOW, UNICODE, PLAIN)
    assert [cell_len(cells[c.key].plain) for c in columns] == [c.width for c in columns]


def test_the_columns_of_a_narrow_list_have_their_place() -> None:
    assert sum(c.width + 1 for c in columns_for(80)) == 80


def test_foreign_text_is_told_and_acts_on_nothing() -> None:
    row = message(1, to=HOSTILE)
    shown = row_cells(row, columns_for(120), NOW, UNICODE, PLAIN)["to"].plain
    assert shown.startswith("[/b]]0;title a\ufffdb\ufffd 李雷")
    letter = Letter(row, sender=HOSTILE, why=HOSTILE, do=HOSTILE)
    lines = [
        *head_lines(letter, NOW, 80, UNICODE, PLAIN),
        *now_lines(letter, NOW, 80, PLAIN, can_act=True),
        happening_line(
            Happening(NOW, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE), 100, UNICODE, PLAIN
        ),
        narrow_line(
            (replace(accounts()[0], account_id=HOSTILE, tenant_id=HOSTILE),),
            NOW,
            80,
            UNICODE,
            PLAIN,
        ),
    ]
    for line in lines:
        assert "\x1b" not in line.plain
        assert "\u202e" not in line.plain


def test_each_state_has_its_word() -> None:
    words = {
        state_word(message(1, state=state, status=status))
        for state, status in [
            (State.WAITING, "pending"),
            (State.WAITING, "deferred"),
            *((s, "") for s in State if s is not State.WAITING),
        ]
    }
    assert len(words) == 9


def test_more_recipients_are_never_cut_away() -> None:
    row = message(1, to="someone.with.a.long.name@example.com", more_recipients=12)
    assert to_text(row, 16, "…") == "someone.wit… +12"
    assert to_text(message(1), 30, "…") == "user1@example.com"


def test_the_next_try_is_told_while_there_is_one() -> None:
    assert next_text(message(1, next_at=NOW - 1), NOW) == "due"
    assert next_text(message(1, next_at=NOW + 90), NOW) == "1m30s"
    assert next_text(message(1, state=State.FAILED), NOW) == "-"
    assert [short_age(s) for s in (5, 840, 7560, 200_000)] == ["5s", "14m", "2h", "2d"]


def test_rare_states_have_a_column_only_when_there_are_any() -> None:
    plain = queue_lines(numbers(), 47, UNICODE, PLAIN)
    assert "DOUBT" not in plain[0].plain
    some = numbers(all=Cells(ready=1, in_doubt=2, suspended=3))
    heads = queue_lines(some, 47, UNICODE, PLAIN)[0].plain
    assert "DBT" in heads
    assert "SUSP" in heads
    assert cell_len(heads) <= 47


def test_what_nobody_counted_is_no_zero() -> None:
    lines = queue_lines(numbers(all=Cells(ready=1, deferred=None)), 47, UNICODE, PLAIN)
    assert lines[-1].plain.split()[:3] == ["ALL", "1", "-"]


def test_accounts_in_trouble_come_first() -> None:
    assert [row.account_id for row in in_order(accounts())] == [
        "legacy",
        "smtp-bulk",
        "smtp-main",
        "ses",
        "relay",
    ]


@pytest.mark.parametrize("height", [1, 3, 7])
def test_accounts_fill_their_box(height: int) -> None:
    lines = wide_lines(accounts(), NOW, 46, height, UNICODE, PLAIN)
    assert len(lines) == height
    assert all(line.cell_len <= 46 for line in lines)
    assert "5 accounts" in lines[-1].plain


def test_a_timeline_names_the_day_where_it_changes() -> None:
    entries = (TimelineEntry(NOW - 86_400, "accepted"), TimelineEntry(NOW, "sent", seconds=0.5))
    lines = timeline_lines(Letter(message(1), timeline=entries), 80, UNICODE, PLAIN)
    assert [line.plain.strip() for line in lines][1] == "2026-11-23"
    assert "0.5 s" in lines[2].plain


def test_times_beyond_the_calendar_are_drawn_all_the_same() -> None:
    letter = Letter(message(1, created_at=1e18), timeline=(TimelineEntry(1e18, "accepted"),))
    assert head_lines(letter, NOW, 80, UNICODE, PLAIN)
    assert timeline_lines(letter, 80, UNICODE, PLAIN)


def test_the_latest_happenings_come_first() -> None:
    events = [Happening(NOW + n, f"kind{n}") for n in range(9)]
    lines = latest_lines(events, 100, 3, UNICODE, PLAIN)
    assert [f"kind{n}" in line.plain for n, line in zip((8, 7, 6), lines, strict=True)] == [
        True
    ] * 3


def test_a_title_is_cut_before_its_right_end() -> None:
    board = Board("a-very-long-instance-name", numbers=numbers())
    assert title_line(board, 60).cell_len == 60


@pytest.mark.parametrize("width", [46, 47])
def test_heads_do_not_touch_where_all_states_occur(width: int) -> None:
    cells = Cells(ready=1, suspended=2, in_doubt=3)
    heads = queue_lines(numbers(all=cells), width, UNICODE, PLAIN)[0].plain.split()
    assert heads == ["PRIORITY", "RDY", "DEF", "SEND", "SUSP", "HELD", "DBT", "FAIL"]


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ("550 5.1.1 <x@example.com>: user unknown", "the address does not exist"),
        ("550 No such user here", "the address does not exist"),
        ("552 5.2.2 over quota", "the mailbox is full"),
        ("554 5.7.1 spam", "does not allow this sender or content"),
        ("550 5.7.99 x", "its server does not allow it"),
        ("recipient refused: 550-5.4.4 no host", "finds no way"),
        ("550 no", "read the reply"),
        ("5.2.1 gone <x> (SMTP 550)", "the mailbox is disabled"),
        ("no thanks (SMTP 554)", "does not allow this sender or content"),
        ("599 no", "refused it for good"),
        ("gave up after 5 tries: 451 later", "given up"),
    ],
)
def test_a_failed_message_says_what_to_do(reply: str, told: str) -> None:
    failed = Letter(message(1, state=State.FAILED, why=reply), why=reply, do="mail-proxy x")
    assert told in advice(failed, can_act=True)
    assert advice(failed, can_act=True).endswith("then r to retry")
    assert "resets the tries to 0 and sends with priority medium" in chance(failed, can_act=True)
    expired = replace(failed, do=None)  # it is never sent later
    assert "retry" not in advice(expired, can_act=True) + chance(expired, can_act=True)


def test_what_has_not_failed_is_told_as_the_daemon_tells_it() -> None:
    assert advice(Letter(message(1), why="deferred: 451"), can_act=True) == ""


def now_text(letter: Letter, *, can_act: bool, width: int = 80) -> list[str]:
    return [line.plain for line in now_lines(letter, NOW, width, PLAIN, can_act=can_act)]


@pytest.mark.parametrize(
    ("row", "key"),
    [
        (message(1, state=State.FAILED, why="550 no"), "r to retry"),
        (message(1, state=State.IN_DOUBT, why="no reply"), "i settles it"),
        (message(1, state=State.HELD, why="held"), "h frees it"),
        (message(1, cause=Cause.BATCH_SUSPENDED, why="suspended"), "s activates it"),
    ],
)
def test_a_message_names_its_key_where_keys_do_something(row: MessageRow, key: str) -> None:
    letter = Letter(row, why=row.why, do="mail-proxy x")
    assert key in " ".join(now_text(letter, can_act=True))
    deaf = now_text(letter, can_act=False)
    assert key not in " ".join(deaf)
    assert "Retry" not in " ".join(deaf)
    assert deaf[-1] == " By hand:   mail-proxy x"


@pytest.mark.parametrize("width", [40, 80])
def test_the_key_is_told_whatever_the_length_of_the_reason(width: int) -> None:
    row = message(1, state=State.HELD, why="x " * 1000)
    letter = Letter(row, why=row.why, until_at=NOW + 60)
    lines = now_text(letter, can_act=True, width=width)
    assert lines[-1] == " What now:  h frees it"
    assert len(lines) == 5


def test_a_reason_that_has_an_end_tells_how_long_it_lasts() -> None:
    letter = Letter(message(1), why="its account rests", until_at=NOW + 60)
    assert now_text(letter, can_act=True) == [" What now:  its account rests  (1m left)"]
    over = replace(letter, until_at=NOW)
    assert now_text(over, can_act=True) == [" What now:  its account rests"]
