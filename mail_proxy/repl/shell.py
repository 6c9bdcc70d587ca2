"""The REPL of a terminal: ptpython, taught our prompt, our errors and our history."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from prompt_toolkit.formatted_text import AnyFormattedText
from prompt_toolkit.history import History, InMemoryHistory, ThreadedHistory
from ptpython.completer import CompletePrivateAttributes
from ptpython.layout import CompletionVisualisation
from ptpython.prompt_style import PromptStyle
from ptpython.repl import PythonRepl
from ptpython.repl import exit as ptpython_exit

from mail_proxy.domain.errors import MailProxyError
from mail_proxy.repl import speech
from mail_proxy.repl.history import PrivateHistory
from mail_proxy.repl.keys import menu_threads
from mail_proxy.repl.menu import Menu
from mail_proxy.repl.near_miss import tell_near_miss
from mail_proxy.repl.running import Leave, Namespace, awaits, exit_code

_STYLE = "mail-proxy"


class Shell(PythonRepl):
    """Blocking: calls run in the main thread, so Ctrl-C ends a call and not the session."""

    def __init__(self, namespace: Namespace, prompt: PromptStyle, history: History) -> None:
        super().__init__(get_globals=lambda: namespace, get_locals=lambda: namespace)
        self.history = history
        self.default_buffer.history = history
        self.all_prompt_styles[_STYLE] = prompt
        self.prompt_style = _STYLE
        self.confirm_exit = False
        self.show_signature = True
        self.enable_dictionary_completion = True
        self.completer = Menu(self.completer, lambda: namespace)
        self.enable_history_search = True
        self.enable_auto_suggest = False
        self.insert_blank_line_after_output = False
        self.complete_private_attributes = CompletePrivateAttributes.IF_NO_PUBLIC
        self.completion_visualisation = CompletionVisualisation.POP_UP
        self.highlight_matching_parenthesis = True
        self.show_status_bar = False
        self.app.on_reset += _give_menu_threads

    def eval(self, line: str) -> object:
        """The value of a line; what goes wrong in a call is told in a line."""
        names = self.get_globals()
        if isinstance(names.get("exit"), ptpython_exit):
            names["exit"] = Leave()  # theirs takes no exit code
        if awaits(line):
            speech.say(speech.AWAIT_HINT)
            return None
        try:
            value = super().eval(line)
        except MailProxyError as error:
            speech.tell_error(error)
            return None
        except KeyboardInterrupt:
            speech.say(f"\n{speech.INTERRUPTED}")
            return None
        if isinstance(value, Leave):
            raise SystemExit(0)
        return value

    def _handle_exception(self, e: BaseException) -> None:
        """As ptpython does, but for the controls of foreign text in the exception."""
        sys.last_type, sys.last_value, sys.last_traceback = type(e), e, e.__traceback__
        if tell_near_miss(e):
            return
        theirs = e.__traceback__
        while theirs is not None and not theirs.tb_frame.f_code.co_filename.startswith("<stdin>"):
            theirs = theirs.tb_next
        speech.tell_traceback("".join(traceback.format_exception(type(e), e, theirs)))


def _give_menu_threads(_: object) -> None:
    """To the loop of one line: it looks for menus and signatures in its default threads."""
    asyncio.get_running_loop().set_default_executor(menu_threads())


class Prompt(PromptStyle):
    """`myserver> `; red where it matters."""

    def __init__(self, text: Callable[[], str], *, is_red: bool) -> None:
        self._text = text
        self._style = "bold ansired" if is_red else "bold"

    def in_prompt(self) -> AnyFormattedText:
        return [(self._style, self._text())]

    def in2_prompt(self, width: int) -> AnyFormattedText:
        return [("", "... ".rjust(width))]

    def out_prompt(self) -> AnyFormattedText:
        return []


def run_shell(
    namespace: Namespace, prompt: Callable[[], str], history_path: Path | None, *, is_red: bool
) -> int:
    """Read, run and print until the person leaves; the exit code."""
    shell = Shell(namespace, Prompt(prompt, is_red=is_red), _history(history_path))
    try:
        shell.run()
    except SystemExit as error:
        return exit_code(error)
    return 0


def _history(path: Path | None) -> History:
    if path is None:
        return InMemoryHistory()
    try:
        return ThreadedHistory(PrivateHistory(path))
    except OSError as error:
        speech.say(f"warning: what is typed here is not kept: {path}: {error.strerror}")
        return InMemoryHistory()
