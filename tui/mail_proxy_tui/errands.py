"""What takes a few steps: open what is known by its id, write rows into a file, fill a form."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.worker import Worker

from mail_proxy.domain import units
from mail_proxy.domain.errors import MailProxyError, NotFound, NotRunning
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.forms.fields import Form
from mail_proxy_tui import exporting
from mail_proxy_tui.exporting import Record
from mail_proxy_tui.feed.base import AccountRow, Feed, MessageKey
from mail_proxy_tui.screens.errors import ErrorsScreen
from mail_proxy_tui.screens.export import ExportScreen
from mail_proxy_tui.screens.new_key import NewKeyScreen
from mail_proxy_tui.screens.picker import TenantPicker
from mail_proxy_tui.terminal_forms import ACCOUNT_FORM, TENANT_FORM, filled
from mail_proxy_tui.widgets.pane import Pane

if TYPE_CHECKING:
    from mail_proxy_tui.app import DashboardApp

_READING_S = 20.0  # a path, or why something was not saved, stays so long


class Errands:
    """Each begins something and returns at once; a failure is told on the screen."""

    def __init__(self, app: DashboardApp) -> None:
        self._app = app
        self._writing: Worker[None] | None = None

    def open_errors(self, account: AccountRow) -> None:
        """The last errors of an account."""
        self._begin(self._open_errors(account))

    def open_message(self, key: MessageKey) -> None:
        """A message that is known by its id, as events tell of it."""
        self._begin(self._open_message(key))

    def export(self, pane: Pane) -> None:
        """What a view shows, all that match and are listed, into a file; one at a time."""
        if self._app.board.exporting:
            self._app.say("A file is being written; esc stops it.", is_good=False)
        else:
            self._writing = self._begin(self._export(pane))

    def stop_export(self) -> bool:
        """False: no file is being written."""
        if not self._app.board.exporting or self._writing is None:
            return False
        self._writing.cancel()
        return True

    def new_tenant(self) -> None:
        self._begin(self._fill(TENANT_FORM, {}))

    def new_account(self) -> None:
        self._begin(self._new_account())

    # --- how ---

    def _begin(self, task: Coroutine[None, None, None]) -> Worker[None]:
        return self._app.work(self._guarded(task))

    async def _guarded(self, task: Coroutine[None, None, None]) -> None:
        try:
            await task
        except NotFound:
            self._app.say("This message is gone.", is_good=False)
        except MailProxyError as error:
            self._app.say(safe_text(error, 400), is_good=False, seconds=_READING_S)

    @property
    def _feed(self) -> Feed:
        if self._app.feed is None:
            raise NotRunning("the daemon does not answer, and there is no database here")
        return self._app.feed

    async def _open_errors(self, account: AccountRow) -> None:
        screen = ErrorsScreen(self._app.board, account)
        await self._app.push_screen(screen)
        screen.tell(await self._feed.errors(account.tenant_id, account.account_id))

    async def _open_message(self, key: MessageKey) -> None:
        letter = await self._feed.letter(key)
        self._app.reading.open(letter.row)

    async def _export(self, pane: Pane) -> None:
        feed = self._feed
        records = pane.exported(feed)
        if records is None:
            self._app.say("There is nothing to export here.", is_good=True)
            return
        what = pane.title.lower()
        board = self._app.board
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(board.daemon_now))
        name = f"{board.instance}-{what}-{stamp}.csv"
        chosen = await self._app.push_screen_wait(ExportScreen(what, name))
        if chosen is None:
            return
        path = _path(chosen)
        n = await self._write(path, records, what)
        first = "the first " if n == feed.most_listed else ""
        words = f"{first}{units.count(n)} {what} are in {safe_text(path, 300)}"
        self._app.say(words, is_good=True, seconds=_READING_S)

    async def _write(self, path: Path, records: AsyncIterator[Record], what: str) -> int:
        def tell(n: int) -> None:
            self._app.board.exporting = f"{units.count(n)} {what} written so far; esc stops it"
            self._app.draw()

        tell(0)
        try:
            return await exporting.write(path, records, tell)
        except asyncio.CancelledError:
            self._app.say("Stopped: no file was written.", is_good=True)
            raise
        finally:
            self._app.board.exporting = ""
            self._app.draw()

    def _check_can_act(self) -> None:
        """Raises NotRunning before anybody fills a form in vain."""
        if not self._app.board.can_act:
            raise NotRunning("nothing can be added now: it is read-only")

    async def _new_account(self) -> None:
        self._check_can_act()
        tenant_id = self._app.board.tenant_id
        if tenant_id is None:
            tenants = await self._feed.tenants()
            if len(tenants) == 1:
                tenant_id = tenants[0].tenant_id
            else:
                picker = TenantPicker(tenants, "Whose account", with_all=False)
                tenant_id = await self._app.push_screen_wait(picker)
        if tenant_id:
            await self._fill(ACCOUNT_FORM, {"tenant_id": tenant_id})

    async def _fill(self, form: Form, given: dict[str, Any]) -> None:
        """Ask on the bare terminal; nothing else runs meanwhile."""
        self._check_can_act()
        app = self._app
        with app.suspend():
            request = filled(form, given)
        if request is None:
            app.say("Nothing was saved.", is_good=True)
            return
        feed = self._feed
        is_tenant = form is TENANT_FORM
        made = await (feed.add_tenant(request) if is_tenant else feed.add_account(request))
        app.look_anew()
        if made.key:
            await app.push_screen_wait(NewKeyScreen(made))
        else:
            app.say(f"{safe_text(made.id, 60)} is there.", is_good=True)


def _path(typed: str) -> Path:
    return Path(typed).expanduser().absolute()
