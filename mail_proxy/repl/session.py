"""A session: the way to the instance, the names that are there, and how code comes in."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mail_proxy.client import MailProxyClient
from mail_proxy.client.blocking import LettingGo
from mail_proxy.config.file import read_config
from mail_proxy.config.instances import Instance
from mail_proxy.config.load import load_settings
from mail_proxy.control.base import SyncControl
from mail_proxy.control.open import open_control
from mail_proxy.control.quick import SocketControl
from mail_proxy.control.told import ToldControl
from mail_proxy.domain.errors import MailProxyError, NotRunning
from mail_proxy.repl import at_rest, running, speech, told
from mail_proxy.repl.asking import Asker
from mail_proxy.repl.banner import banner
from mail_proxy.repl.console import Console
from mail_proxy.repl.drawn import real_screen
from mail_proxy.repl.guided import Guide
from mail_proxy.repl.keys import TIMEOUT_S, Look
from mail_proxy.repl.proxy import Proxy

_HISTORY = "repl_history"


def run(
    instance: Instance,
    environ: Mapping[str, str],
    *,
    url: str | None = None,
    token: str | None = None,
    code: str | None = None,
    file: str | None = None,
    is_plain: bool = False,
    shows_http: bool = False,
) -> int:
    """Open a REPL on the instance, or run `code`, `file` or what is piped in; the exit code.

    url, token: of a daemon elsewhere, in the place of the instance. Raises MailProxyError where it
    cannot be reached at all.
    """
    session = _Session(instance, environ, url, token, shows_http=shows_http)
    try:
        if code is not None:
            return session.run_code(code, "<code>", shows_last=True)
        if file is not None:
            return session.run_file(file)
        if not sys.stdin.isatty():
            return session.run_code(sys.stdin.read(), "<stdin>", shows_last=True)
        return session.talk(is_plain=is_plain or not sys.stdout.isatty())
    finally:
        session.close()


class _Session:
    """What the ways in have in common."""

    def __init__(
        self,
        instance: Instance,
        environ: Mapping[str, str],
        url: str | None,
        token: str | None,
        *,
        shows_http: bool,
    ) -> None:
        self._instance = instance
        self._url = url
        control, self._look, self._close_look = _ways(instance, environ, url, token)
        self._control: SyncControl = ToldControl(control, told.tell) if shows_http else control
        screen = real_screen()
        is_person = sys.stdin.isatty() and sys.stderr.isatty()
        asker = Asker(self._control, screen, speech.confirm if is_person else None)
        self.proxy = Proxy(instance.name, self._control, asker, self._look)
        guide = Guide(self.proxy, is_possible=is_person)
        self.namespace: dict[str, Any] = {
            "__name__": "__main__",
            "__doc__": None,
            "proxy": self.proxy,
            "console": Console(screen),
            "MailProxyClient": MailProxyClient,
            "new_tenant": guide.new_tenant,
            "new_account": guide.new_account,
            "new_message": guide.new_message,
            "exit": running.Leave(),
            "quit": running.Leave(),
        }

    def close(self) -> None:
        self._close_look()
        self._control.close()

    def run_code(self, text: str, name: str, *, shows_last: bool) -> int:
        return running.run_code(text, self.namespace, name=name, shows_last=shows_last)

    def run_file(self, path: str) -> int:
        text = Path(path).read_text(encoding="utf-8")
        self.namespace["__file__"] = path
        return self.run_code(text, path, shows_last=False)

    def talk(self, *, is_plain: bool) -> int:
        """With the person at the terminal."""
        words = self._banner()
        if is_plain:
            return running.run_plain(self.namespace, words, self._prompt)
        from mail_proxy.repl.shell import run_shell  # ptpython: 200 ms that scripts need not

        print(words)
        path = self._instance.folder / _HISTORY if self._instance.exists() else None
        return run_shell(self.namespace, self._prompt, path, is_red=_is_production(self._instance))

    def _banner(self) -> str:
        where = self._url or str(self._instance.folder)
        look = (lambda: self._control.call("getStats")) if self._control.is_live else None
        return banner(self._instance.name, where, look)

    def _prompt(self) -> str:
        return f"{self._instance.name}{'' if self._control.is_live else ' (stopped)'}> "


def _ways(
    instance: Instance, environ: Mapping[str, str], url: str | None, token: str | None
) -> tuple[SyncControl, Look, Callable[[], None]]:
    """The way of calls, the quick one of menus, and what closes the latter."""
    if url is None:
        control = open_control(instance, lambda: load_settings(instance, environ))
        live = SocketControl(instance.socket_path, timeout_s=TIMEOUT_S)
        look = partial(_glance, live, instance, environ)
        return LettingGo(control), look, live.close
    from mail_proxy.client.blocking import Blocking
    from mail_proxy.control.http import HttpControl  # httpx: 140 ms, for an instance elsewhere

    quick = MadeLate(lambda: Blocking(HttpControl(url, token, timeout_s=TIMEOUT_S)))
    return Blocking(HttpControl(url, token)), quick.call, quick.close


class MadeLate:
    """A control that is made when it is called first: a session without a menu needs none."""

    def __init__(self, make: Callable[[], SyncControl]) -> None:
        self._make = make
        self._made: SyncControl | None = None
        self._making = threading.Lock()  # menus look in several threads
        self._is_closed = False

    def call(self, command: str, /, **fields: Any) -> dict[str, Any]:
        with self._making:
            if self._is_closed:
                raise MailProxyError("this session has ended")
            if self._made is None:
                self._made = self._make()
        return self._made.call(command, **fields)

    def close(self) -> None:
        with self._making:
            self._is_closed = True
            if self._made is not None:
                self._made.close()


def _glance(
    live: SocketControl,
    instance: Instance,
    environ: Mapping[str, str],
    command: str,
    /,
    **fields: Any,
) -> Mapping[str, Any]:
    """What a menu shows: of the daemon, else of the file."""
    try:
        return live.call(command, **fields)
    except NotRunning:
        return at_rest.known(command, instance, environ)


def _is_production(instance: Instance) -> bool:
    try:
        return read_config(instance.config_path).values.get("production") is True
    except MailProxyError:
        return False
