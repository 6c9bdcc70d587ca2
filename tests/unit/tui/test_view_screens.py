"""The views of accounts, tenants, events and the log, letter by letter; and the dialogs."""

from __future__ import annotations

import re

import pytest

from mail_proxy.domain.errors import NotRunning
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
from tests.unit.tui.fake_feed import NOW, FakeFeed, message
from tests.unit.tui.stage import SCREENS, SIZES, Stage, busy, matches, staged

pytestmark = pytest.mark.slow

HOSTILE = "\x1b]0;pwned\x07[/b][red] \u202etxt日本"


def held(name: str, size: str, stage: Stage) -> None:
    text = stage.text
    assert matches(f"{name}-{size}", text), f"not as {SCREENS}/{name}-{size}.txt:\n{text}"


def eventful() -> FakeFeed:
    """One of each trouble in every view, with hostile words in each."""
    feed = busy()
    feed.account_rows = (
        AccountRow(
            *("acme", "smtp-main", "smtp.example.test", 587, "starttls"),
            gauges=(Gauge("minute", 21, 100), Gauge("hour", 681, 1000), Gauge("day", 900, 9000)),
            in_flight=4,
            sent_today=12_345,
            failed_today=7,
            last_error=f"550 5.1.1 {HOSTILE}",
            last_error_at=NOW - 300,
        ),
        AccountRow(
            *("acme", "smtp-bulk", "smtp.example.test", 587, "starttls"),
            state=AccountState.LIMITED,
            reason="the limit of 1000 an hour is reached",
            until_at=NOW + 252,
            gauges=(Gauge("hour", 1000, 1000),),
            in_flight=0,
            sent_today=1000,
            failed_today=0,
        ),
        AccountRow("beta", "ses", "mx.example", 25, "auto", AccountState.PAUSED, "a break"),
        AccountRow(
            *("delta", "legacy", f"h{HOSTILE}", 465, "ssl"),
            state=AccountState.BROKEN,
            reason=f"login refused: 535 {HOSTILE}",
            until_at=NOW + 900,
        ),
    )
    feed.tenant_rows = (
        TenantRow(
            *("acme", f"Acme {HOSTILE}"),
            ready=9120,
            deferred=41,
            failed_24h=2,
            callback=Callback(CallbackState.OK, last_ok_at=NOW - 12),
        ),
        TenantRow(
            *("beta", "Beta GmbH"),
            suspended=("spring-sale",),
            ready=0,
            deferred=3,
            failed_24h=0,
            callback=Callback(
                CallbackState.FAILING, NOW - 3600, NOW + 60, 4, f"500 {HOSTILE}", unreported=12
            ),
        ),
        TenantRow("gamma", is_active=False, callback=Callback(CallbackState.NONE)),
        TenantRow("delta", "日本語", suspended=("*",), callback=Callback(CallbackState.PAUSED)),
    )
    feed.error_rows = (message(5, why=f"451 4.7.1 {HOSTILE}"), message(6, to=HOSTILE))
    told = (
        ("accepted", "", "", 3),
        ("sent", "a81f0c05", "250 2.0.0 queued as 4F2", 1),
        ("deferred", "a81f0c06", f"451 4.7.1 {HOSTILE}", 1),
        ("failed", HOSTILE, "550 5.1.1 user unknown", 1),
        ("posted", "", "", 12),
    )
    for number, (kind, id_, words, n) in enumerate(told):
        account = "smtp-main" if id_ else ""
        feed.happened.put_nowait(
            Happening(NOW - 5 + number, kind, "acme", account, id_, words, n, number + 1)
        )
    for second, level, words in (
        (1, "INFO", "message_sent tenant=acme id=a81f0c05 seconds=0.25"),
        (2, "WARNING", f"account_paused tenant=delta why={HOSTILE}"),
        (3, "ERROR", "attempt_broke tenant=acme"),
    ):
        time = f"2026-11-23T12:04:0{second}.000Z"
        feed.logged.put_nowait(LogLine(f"{time} {level} {words}", time, level))
    feed.logged.put_nowait(LogLine("  File 'x.py', line 3, in broke"))
    return feed


@pytest.mark.parametrize("size", SIZES)
async def test_accounts_show_their_limits_and_troubles(size: str) -> None:
    async with staged(eventful(), size=size) as stage:
        await stage.press("2")
        held("accounts", size, stage)


@pytest.mark.parametrize("size", SIZES)
async def test_an_account_shows_its_last_errors(size: str) -> None:
    async with staged(eventful(), size=size) as stage:
        await stage.press("2", "end", "enter")
        held("errors", size, stage)


async def test_the_errors_of_an_account_that_sends_nothing_name_the_command_that_helps() -> None:
    async with staged() as stage:
        await stage.press("2", "home", "enter")
        assert "last errors" in stage.lines[0]
        mend = "What helps: mail-proxy myserver delta accounts set-password legacy"
        assert stage.lines[2].strip() == mend
        await stage.press("escape", "end", "enter")
        assert "What helps" not in stage.text


async def test_the_help_of_the_last_errors_is_titled_as_they_are() -> None:
    async with staged(eventful()) as stage:
        await stage.press("2", "enter", "question_mark")
        assert "Keys: Last errors" in stage.text


async def test_the_help_of_a_message_names_its_tabs() -> None:
    """This one has no headers, so nothing is told of a fourth tab."""
    async with staged(size="140x40") as stage:
        await stage.press("end", "k", "k", "enter", "question_mark")
        assert "Keys: Message" in stage.text
        keys = dict(re.findall(r"│ (\d) +(\w[\w ]*\w) ", stage.text))
        assert keys == {"1": "Timeline", "2": "Body", "3": "Raw JSON"}


async def test_the_last_errors_say_that_the_daemon_is_down() -> None:
    async with staged(eventful()) as stage:
        await stage.press("2", "enter")
        assert "LIVE" in stage.lines[0]
        stage.feed.error = NotRunning("no daemon answers")
        await stage.pass_seconds(2)
        assert "last errors" in stage.lines[0]
        assert "LIVE" not in stage.lines[0]


@pytest.mark.parametrize("size", SIZES)
async def test_tenants_show_what_waits_and_how_reports_go(size: str) -> None:
    async with staged(eventful(), size=size) as stage:
        await stage.press("3", "j")
        held("tenants", size, stage)


@pytest.mark.parametrize("size", SIZES)
async def test_events_are_shown_the_newest_first(size: str) -> None:
    async with staged(eventful(), size=size) as stage:
        await stage.press("4")
        await stage.until("5 of 5")
        await stage.press("j", "j")
        held("events", size, stage)


@pytest.mark.parametrize("size", SIZES)
async def test_the_log_is_shown_to_its_end(size: str) -> None:
    async with staged(eventful(), size=size) as stage:
        await stage.press("5")
        await stage.until("4 lines")
        held("log", size, stage)


@pytest.mark.parametrize("size", SIZES)
async def test_a_deletion_is_asked_about(size: str) -> None:
    async with staged(eventful(), size=size) as stage:
        await stage.press("space", "space", "d")
        await stage.until("Delete 2")
        held("confirm", size, stage)


@pytest.mark.parametrize("size", SIZES)
async def test_a_file_is_asked_for(size: str) -> None:
    async with staged(eventful(), size=size) as stage:
        await stage.press("E")
        await stage.until("Export messages")
        held("export", size, stage)


@pytest.mark.parametrize("view", ["2", "3", "4", "5"])
async def test_nothing_is_executed_and_nothing_reaches_the_terminal_raw(view: str) -> None:
    async with staged(eventful()) as stage:
        await stage.press(view)
        await stage.until("of 5" if view == "4" else "[" + view)
        assert not any(c in stage.text for c in "\x1b\x07\u202e")


@pytest.mark.parametrize("view", ["2", "3"])
async def test_without_a_daemon_the_views_are_read_from_the_file(view: str) -> None:
    gone = FakeFeed()
    gone.error = NotRunning("no daemon answers at /run/control.sock")
    resting = eventful()
    resting.can_act = False
    async with staged(gone, resting=resting) as stage:
        await stage.press(view)
        assert ("smtp-bulk" if view == "2" else "beta") in stage.text
        await stage.press("s", "R")
        assert resting.acted == gone.acted == []
