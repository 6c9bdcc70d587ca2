"""What takes a few steps: a form, a file; and what is refused before it begins."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from mail_proxy_tui import errands
from mail_proxy_tui.feed.base import PAGE, Action, TenantRow, Verb
from tests.unit.tui.fake_feed import FakeFeed, message
from tests.unit.tui.stage import staged
from tests.unit.tui.test_view_screens import eventful

pytestmark = pytest.mark.slow


async def test_what_is_not_possible_now_is_said_before_it_is_asked() -> None:
    """As the mouse and the palette can ask for what a key refuses."""
    async with staged(eventful(), is_read_only=True) as stage:
        stage.app.acting.ask(Action(Verb.PAUSE, tenant_id="acme", account_id="main"))
        await stage.until("it is read-only")
        assert len(stage.app.screen_stack) == 1


@pytest.mark.parametrize("what", ["new_tenant", "new_account"])
async def test_no_form_is_filled_in_vain(what: str) -> None:
    async with staged(eventful(), is_read_only=True) as stage:
        getattr(stage.app.errands, what)()
        await stage.until("nothing can be added now")
        assert len(stage.app.screen_stack) == 1


async def test_whose_account_it_is_is_asked_where_there_are_several_tenants() -> None:
    async with staged() as stage:
        await stage.press("A")
        await stage.until("Whose account")


async def test_nobody_asks_for_the_only_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = FakeFeed()
    feed.tenant_rows = (TenantRow("acme"),)
    given: list[object] = []
    monkeypatch.setattr(errands, "filled", lambda _, known: given.append(known))
    async with staged(feed) as stage:
        monkeypatch.setattr(stage.app, "suspend", nullcontext)
        await stage.press("A")
        await stage.until("Nothing was saved.")
    assert given == [{"tenant_id": "acme"}]


async def test_an_export_tells_how_far_it_is_and_esc_stops_it(tmp_path: Path) -> None:
    class Endless(FakeFeed):
        async def page(self, query, cursor=None, limit=PAGE):
            if cursor is not None:
                await asyncio.Event().wait()
            return replace(await super().page(query, cursor, limit), next_cursor="200")

    feed = Endless()
    feed.rows = [message(n) for n in range(200)]
    async with staged(feed) as stage:
        await stage.press("E")
        await stage.until("Export messages")
        for _ in range(60):
            await stage.pilot.press("backspace")
        await stage.press(*str(tmp_path / "out.csv"), "enter")
        await stage.until("200 messages written so far; esc stops it")
        await stage.press("E")
        await stage.until("A file is being written")
        await stage.press("escape")
        await stage.until("Stopped: no file was written.")
        assert "written so far" not in stage.text
        assert not (tmp_path / "out.csv").exists()
