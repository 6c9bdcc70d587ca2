"""Lines of the views: accounts, tenants, events and the log; hostile texts in each."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from rich.text import Text

from mail_proxy_tui.draw import account_table, tenant_table
from mail_proxy_tui.draw.account_table import account_line, account_truth
from mail_proxy_tui.draw.events import KINDS, full_words, wanted
from mail_proxy_tui.draw.glyphs import UNICODE
from mail_proxy_tui.draw.log_line import has, is_wanted, log_text
from mail_proxy_tui.draw.palette import PLAIN
from mail_proxy_tui.draw.table import TableColumn, fitting
from mail_proxy_tui.draw.tenant_table import tenant_line, tenant_truth
from mail_proxy_tui.feed.base import (
    AccountRow,
    AccountState,
    Callback,
    CallbackState,
    Gauge,
    Happening,
    LogLine,
    TenantRow,
)
from tests.unit.tui.fake_feed import NOW

HOSTILE = "\x1b]0;pwned\x07[/b] \u202e日本👩‍👩‍👧"
WIDTHS = (40, 78, 80, 118, 138, 200)


def is_harmless(text: str) -> bool:
    return not any(c < " " or "\x7f" <= c <= "\x9f" or c in "\u202e\u200d" for c in text)


def account(**fields: object) -> AccountRow:
    values: dict[str, object] = {
        "tenant_id": "acme",
        "account_id": "main",
        "host": "mx.example",
        "port": 25,
        "tls_mode": "auto",
    }
    return AccountRow(**(values | fields))  # type: ignore[arg-type]


def drawn_account(row: AccountRow, width: int = 80) -> Text:
    columns = fitting(account_table.COLUMNS, width)
    return account_line(row, columns, NOW, " ", UNICODE, PLAIN)


def drawn_tenant(row: TenantRow, width: int = 80) -> Text:
    columns = fitting(tenant_table.COLUMNS, width)
    return tenant_line(row, columns, NOW, " ", UNICODE, PLAIN)


def test_columns_grow_until_the_width_is_full_and_no_further() -> None:
    columns = (TableColumn("a", "A", 4, grows=1, most=6), TableColumn("b", "B", 4, grows=2))
    assert [c.width for c in fitting(columns, 20)] == [6, 11]
    assert [c.width for c in fitting(columns, 5)] == [4, 4]


def test_columns_that_need_a_wide_list_are_left_out() -> None:
    columns = (TableColumn("a", "A", 4), TableColumn("b", "B", 4, least=50))
    assert [c.key for c in fitting(columns, 49)] == ["a"]


@pytest.mark.parametrize("width", WIDTHS)
def test_hostile_texts_break_no_line(width: int) -> None:
    row = account(host=HOSTILE, last_error=HOSTILE * 30, state=AccountState.BROKEN)
    tenant = TenantRow(
        HOSTILE,
        HOSTILE,
        suspended=(HOSTILE,),
        callback=Callback(CallbackState.FAILING, last_error=HOSTILE, retry_at=NOW + 5),
    )
    lines = [drawn_account(row, width), drawn_tenant(tenant, width)]
    least = max(80, width)  # the columns need so much; the list cuts what does not fit
    for line in lines:
        assert is_harmless(line.plain)
        assert cell_len(line.plain) <= least


def test_an_account_shows_its_use_of_each_window() -> None:
    row = account(gauges=(Gauge("minute", 20, 20), Gauge("day", 60, 1000)), in_flight=2)
    line = drawn_account(row).plain
    assert "100%" in line
    assert "6%" in line
    assert "█" not in line
    assert "█" in drawn_account(row, 138).plain


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (AccountState.OK, "ok"),
        (AccountState.LIMITED, "LIMIT 4m12s"),
        (AccountState.BROKEN, "FAILING 4m12s"),
        (AccountState.PAUSED, "PAUSED"),
    ],
)
def test_the_state_of_an_account_is_a_word(state: AccountState, word: str) -> None:
    assert word in drawn_account(account(state=state, until_at=NOW + 252)).plain


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (account(), "no limit is set"),
        (account(gauges=None), "its limits are not known now"),
        (account(gauges=(Gauge("hour", 3, 9),)), "3 of 9 in an hour"),
        (account(last_error="550 no", last_error_at=NOW - 60), "last error (1m ago): 550 no"),
        (
            account(state=AccountState.PAUSED, reason="a break"),
            "by a person: a break; s resumes it",
        ),
        (
            account(state=AccountState.LIMITED, reason="20 a minute", until_at=NOW + 5),
            "20 a minute; frees in 5s",
        ),
        (
            account(state=AccountState.BROKEN, reason="refused", until_at=NOW + 5),
            "refused; tried again in 5s",
        ),
    ],
)
def test_the_truth_about_an_account(row: AccountRow, words: str) -> None:
    assert words in account_truth(row, NOW, PLAIN).plain


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (TenantRow("a"), "active"),
        (TenantRow("a", is_active=False), "INACTIVE"),
        (TenantRow("a", suspended=("*",)), "SUSPENDED"),
        (TenantRow("a", suspended=("*",), suspended_messages=63), "SUSPENDED 63"),
        (TenantRow("a", suspended=("x", "y")), "not x, y"),
        (TenantRow("a", suspended=("x", "y"), suspended_messages=63), "63 not x, y"),
        (TenantRow("a", callback=Callback(CallbackState.OK, NOW - 4)), "ok 4s ago"),
        (TenantRow("a", callback=Callback(CallbackState.PAUSED)), "PAUSED by 410"),
        (TenantRow("a", callback=Callback(CallbackState.NONE)), "no URL"),
        (
            TenantRow("a", callback=Callback(CallbackState.FAILING, failures=3, retry_at=NOW + 9)),
            "FAILING 3x next 9s",
        ),
    ],
)
def test_a_tenant_says_whether_it_sends_and_reports(row: TenantRow, words: str) -> None:
    assert words in drawn_tenant(row).plain


def test_the_truth_about_a_tenant_names_what_is_wrong() -> None:
    failing = Callback(CallbackState.FAILING, NOW - 90, unreported=7, last_error="no route")
    assert tenant_truth(TenantRow("a", callback=failing), NOW, PLAIN).plain == (
        "7 reports wait, the last was taken 1m30s ago: no route"
    )
    assert "s activates" in tenant_truth(TenantRow("a", suspended=("*",)), NOW, PLAIN).plain


@pytest.mark.parametrize(
    ("suspended", "n", "told"),
    [
        (("*",), 63, "suspended: 63 messages wait; s activates it"),
        (("*",), 1, "suspended: 1 message waits; s activates it"),
        (("may", "june"), 63, "suspended, 63 messages wait: may, june"),
    ],
)
def test_the_truth_about_a_suspended_tenant_counts_what_waits(
    suspended: tuple[str, ...], n: int, told: str
) -> None:
    row = TenantRow("a", suspended=suspended, suspended_messages=n)
    assert tenant_truth(row, NOW, PLAIN).plain == told


def event(kind: str, **fields: object) -> Happening:
    return Happening(NOW, kind, **fields)  # type: ignore[arg-type]


def test_events_are_wanted_by_kind_and_by_words() -> None:
    chosen = wanted("sent,failed Bob@")
    assert chosen.takes(event("sent", words="250 bob@example.com"))
    assert not chosen.takes(event("sent", words="250 eve"))
    assert not chosen.takes(event("deferred", words="bob@"))


def test_without_a_filter_all_events_are_wanted() -> None:
    assert all(wanted("").takes(event(kind)) for kind in (*KINDS, "dropped", "summary", "new"))


def test_what_is_told_of_the_stream_is_shown_where_it_concerns_the_kinds() -> None:
    summary = event("summary", counts={"sent": 3, "deferred": 9}, n=12)
    assert wanted("sent").takes(summary)
    assert not wanted("failed").takes(summary)
    assert full_words(summary) == "too many to show each: 9 deferred, 3 sent"
    assert "were missed" in full_words(event("dropped", n=5))


LINE = LogLine(
    f"2026-11-22T01:22:58.907Z WARNING account_paused why={HOSTILE}",
    "2026-11-22T01:22:58.907Z",
    "WARNING",
)


def test_a_line_of_the_log_is_its_time_its_level_and_what_it_says() -> None:
    text = log_text(LINE, PLAIN).plain
    assert text.startswith(" 01:22:58Z WARN  account_paused why=")
    assert is_harmless(text)


def test_a_line_of_another_program_is_shown_whole() -> None:
    assert log_text(LogLine("Traceback (most recent call last):"), PLAIN).plain.strip() == (
        "Traceback (most recent call last):"
    )


@pytest.mark.parametrize(
    ("level", "of_line", "is_shown"),
    [
        ("", "DEBUG", True),
        ("WARNING", "INFO", False),
        ("WARNING", "ERROR", True),
        ("INFO", "?", True),
    ],
)
def test_a_level_shows_itself_and_those_above(level: str, of_line: str, is_shown: bool) -> None:
    assert is_wanted(LogLine("x", "t", of_line), level, was_wanted=False) is is_shown


def test_a_traceback_goes_with_the_line_before_it() -> None:
    assert is_wanted(LogLine("  File x"), "ERROR", was_wanted=True)
    assert not is_wanted(LogLine("  File x"), "ERROR", was_wanted=False)


def test_a_search_has_no_regard_to_case() -> None:
    assert has(LINE, "ACCOUNT_paused")
    assert not has(LINE, "")
