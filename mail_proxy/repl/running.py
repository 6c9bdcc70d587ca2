"""Runs code without a line editor: `-c`, a file, a pipe, and the plain REPL."""

from __future__ import annotations

import ast
import code
import inspect
import sys
import traceback
from collections.abc import Callable
from types import CodeType
from typing import Any

from mail_proxy.domain.errors import MailProxyError
from mail_proxy.repl import speech
from mail_proxy.repl.near_miss import tell_near_miss

Namespace = dict[str, Any]

_EXIT_FAILED, _EXIT_INTERRUPTED = 1, 130


def run_code(text: str, namespace: Namespace, *, name: str, shows_last: bool) -> int:
    """Run a program; its exit code.

    name: for tracebacks. shows_last: the value of a last expression is printed, as at a prompt.
    """

    def work() -> None:
        tree = ast.parse(text, name)
        last = tree.body.pop() if shows_last and _ends_in_value(tree) else None
        exec(compile(tree, name, "exec"), namespace)  # noqa: S102 - what it is for
        if isinstance(last, ast.Expr):
            expression = compile(ast.Expression(last.value), name, "eval")
            show(eval(expression, namespace))  # noqa: S307 - likewise

    return guarded(work)


def guarded(work: Callable[[], object]) -> int:
    """The exit code of what was run; failures are told."""
    try:
        return told(work)
    except SystemExit as error:
        return exit_code(error)


def told(work: Callable[[], object]) -> int:
    """As `guarded`, but that the code may leave: SystemExit goes through."""
    try:
        work()
    except MailProxyError as error:
        speech.tell_error(error)
        return _EXIT_FAILED
    except KeyboardInterrupt:
        speech.say(speech.INTERRUPTED)
        return _EXIT_INTERRUPTED
    except (SystemExit, BrokenPipeError):
        raise  # of a closed pipe the caller knows what it means
    except BaseException as error:  # noqa: BLE001 - the person's own code
        if not tell_near_miss(error):
            speech.tell_traceback(_traceback(error))
        return _EXIT_FAILED
    return 0


def _traceback(error: BaseException) -> str:
    """As Python tells it, from the person's own code on."""
    theirs = error.__traceback__
    while theirs is not None and theirs.tb_frame.f_code.co_filename in (__file__, ast.__file__):
        theirs = theirs.tb_next
    return "".join(traceback.format_exception(type(error), error, theirs))


def exit_code(error: SystemExit) -> int:
    """As Python ends: nothing is 0, a number is itself, a text is printed and is 1."""
    if error.code is None or isinstance(error.code, int):
        return error.code or 0
    speech.say(str(error.code))
    return _EXIT_FAILED


def show(value: object) -> None:
    if value is not None:
        print(repr(value))


def _ends_in_value(tree: ast.Module) -> bool:
    return bool(tree.body) and isinstance(tree.body[-1], ast.Expr)


def awaits(text: str) -> bool:
    """Whether a text awaits something outside of a function, which nothing here can run."""
    try:
        compiled: CodeType = compile(text, "<input>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except (SyntaxError, ValueError):
        return False
    return bool(compiled.co_flags & inspect.CO_COROUTINE)


def run_plain(namespace: Namespace, banner: str, prompt: Callable[[], str]) -> int:
    """The standard library's REPL. No colours, no menus, no history."""
    console = _PlainConsole(namespace)
    prompts = sys.__dict__.get("ps1"), sys.displayhook
    sys.ps1, sys.displayhook = _Prompt(prompt), _displayhook(namespace)
    try:
        console.interact(banner=banner, exitmsg="")
    except SystemExit as error:
        return exit_code(error)
    finally:
        sys.displayhook = prompts[1]
        if prompts[0] is None:
            del sys.ps1
        else:
            sys.ps1 = prompts[0]
    return 0


class _Prompt:
    """Asked for its text before each line."""

    def __init__(self, prompt: Callable[[], str]) -> None:
        self._prompt = prompt

    def __str__(self) -> str:
        return self._prompt()


class _PlainConsole(code.InteractiveConsole):
    """Tells our errors in a line."""

    def runsource(self, source: str, filename: str = "<input>", symbol: str = "single") -> bool:
        if awaits(source):
            speech.say(speech.AWAIT_HINT)
            return False
        return super().runsource(source, filename, symbol)

    def write(self, data: str) -> None:
        """Tracebacks, in which foreign text may stand."""
        speech.tell_traceback(data)

    def runcode(self, code: CodeType) -> None:
        told(lambda: exec(code, self.locals))  # noqa: S102 - what it is for


def _displayhook(namespace: Namespace) -> Callable[[object], None]:
    def display(value: object) -> None:
        if isinstance(value, Leave):
            raise SystemExit(0)
        if value is not None:
            namespace["_"] = value
            show(value)

    return display


class Leave:
    """`exit`, with or without its parentheses."""

    def __call__(self, code: int | str | None = None) -> None:
        raise SystemExit(code)

    def __repr__(self) -> str:
        return "exit() or Ctrl-D leaves"
