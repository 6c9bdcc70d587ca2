"""Text of an enemy in every view and dialog of the dashboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.cells import cell_len
from textual import events
from textual.widgets import Input

from mail_proxy.domain.errors import MailProxyError
from mail_proxy.domain.state import State
from mail_proxy_tui.feed.base import (
    AccountRow,
    AccountState,
    Callback,
    CallbackState,
    Daemon,
    Done,
    Happening,
    Letter,
    LogLine,
    Made,
    MessageKey,
    Recipient,
    Refused,
    TenantRow,
    TimelineEntry,
)
from mail_proxy_tui.screens.new_key import NewKeyScreen
from tests.hostile import TEXTS, forbidden
from tests.unit.tui.fake_feed import NOW, FakeFeed, message
from tests.unit.tui.stage import SIZES, Stage, staged

pytestmark = pytest.mark.slow

_EACH = pytest.mark.parametrize("name", TEXTS)


def poisoned(text: str) -> FakeFeed:
    """All that a daemon can tell says it."""
    feed = FakeFeed()
    row = message(
        1, key=MessageKey("1", text, text), account_id=text, to=text, subject=text, why=text,
        batch_code=text, state=State.FAILED, status="error",
    )  # fmt: skip
    feed.rows = [row, message(2)]
    feed.error_rows = (row,)
    feed.letters["1"] = Letter(
        row,
        sender=text,
        recipients=(Recipient(text, text, text),),
        headers=((text, text),),
        body=text,
        attachments=(text,),
        timeline=(TimelineEntry(NOW, text, text, 1.0, NOW + 5),),
        raw=text,
        why=text,
        do=text,
        request_id=text,
    )
    feed.whom = Daemon(text, text, text, 1)
    feed.account_rows = (
        AccountRow(
            *(text, text, text, 25, text, AccountState.BROKEN, text),
            last_error=text,
            last_error_at=NOW,
        ),
        AccountRow("acme", "main", "h", 25, "none"),
    )
    callback = Callback(CallbackState.FAILING, NOW, NOW + 60, 4, text, unreported=12)
    feed.tenant_rows = (
        TenantRow(text, text, suspended=(text,), callback=callback),
        TenantRow("*", "star"),
        TenantRow("acme", "Acme"),
    )
    feed.happened.put_nowait(Happening(NOW, "failed", text, text, text, text, 1, 1))
    feed.happened.put_nowait(Happening(NOW, text, text, text, text, text, 1, 2))
    feed.logged.put_nowait(LogLine(text, text, text))
    return feed


def assert_harmless(stage: Stage, size: str) -> None:
    assert not forbidden(stage.text)
    width, height = SIZES[size]
    strips = stage.app.screen._compositor.render_strips()
    assert len(strips) == height
    assert {strip.cell_length for strip in strips} == {width}
    assert {cell_len(strip.text) for strip in strips} == {width}
    assert stage.app.is_running


@_EACH
@pytest.mark.parametrize("size", SIZES)
async def test_a_view_shows_it_without_its_powers(size: str, name: str) -> None:
    async with staged(poisoned(TEXTS[name]), size=size) as stage:
        for view in "12345":
            await stage.press(view)
            await stage.until("keep")
            assert_harmless(stage, size)


@_EACH
async def test_the_letter_on_all_its_tabs_too(name: str) -> None:
    async with staged(poisoned(TEXTS[name])) as stage:
        await stage.press("enter")
        for _ in range(6):
            assert "keep" in stage.text
            assert_harmless(stage, "80x24")
            await stage.press("tab")


@_EACH
@pytest.mark.parametrize("size", SIZES)
async def test_an_account_and_its_errors_too(size: str, name: str) -> None:
    async with staged(poisoned(TEXTS[name]), size=size) as stage:
        await stage.press("2", "enter")
        assert "keep" in stage.text
        assert_harmless(stage, size)


@_EACH
async def test_a_question_and_what_became_of_it_too(name: str) -> None:
    text = TEXTS[name]
    feed = poisoned(text)
    refused = Done(0, (Refused(feed.rows[0].key, text, text),), 1)
    async with staged(feed) as stage:
        feed.answers = [Done(1), refused]
        await stage.press("d")
        await stage.until("Delete 1")
        assert "keep" in stage.text
        assert_harmless(stage, "80x24")
        await stage.press("y")
        assert_harmless(stage, "80x24")
        feed.failure = MailProxyError(text)
        await stage.press("r")
        await stage.until("keep")
        assert_harmless(stage, "80x24")


@_EACH
@pytest.mark.parametrize("view", ["2", "3"])
async def test_a_pause_and_a_suspension_too(view: str, name: str) -> None:
    async with staged(poisoned(TEXTS[name])) as stage:
        await stage.press(view, "s")
        assert "keep" in stage.text
        assert_harmless(stage, "80x24")


@_EACH
async def test_the_choice_of_a_tenant_and_the_title_too(name: str) -> None:
    async with staged(poisoned(TEXTS[name])) as stage:
        await stage.press("t")
        await stage.until("Whose mail")
        assert "keep" in stage.text
        assert_harmless(stage, "80x24")
        await stage.press(*"keep", "enter")
        await stage.until("tenant:")
        assert_harmless(stage, "80x24")
        await stage.press("E")
        await stage.until("Export")
        assert_harmless(stage, "80x24")


@_EACH
async def test_what_is_pasted_into_the_filter_too(name: str) -> None:
    async with staged(poisoned(TEXTS[name])) as stage:
        await stage.press("slash")
        stage.app.screen.focused.post_message(events.Paste(TEXTS[name]))  # type: ignore[union-attr]
        await stage.rest()
        assert isinstance(stage.app.screen.focused, Input)
        assert_harmless(stage, "80x24")
        await stage.press("enter")
        assert_harmless(stage, "80x24")


@_EACH
async def test_a_daemon_that_fails_with_it_too(name: str, tmp_path: Path) -> None:
    feed = poisoned(TEXTS[name])
    async with staged(feed) as stage:
        feed.error = MailProxyError(TEXTS[name])
        await stage.pass_seconds(3)
        assert_harmless(stage, "80x24")
        await stage.press("ctrl+p")
        assert_harmless(stage, "80x24")


@_EACH
async def test_the_key_of_a_new_tenant_too(name: str) -> None:
    async with staged(FakeFeed()) as stage:
        await stage.app.push_screen(NewKeyScreen(Made(TEXTS[name], key=TEXTS[name])))
        await stage.until("shown this once")
        assert stage.text.count("keep") >= 2  # the id and the key
        assert_harmless(stage, "80x24")
