"""How the REPL says what is no result: errors, hints, questions. To stderr, and safe."""

from __future__ import annotations

import sys

from mail_proxy.domain.errors import MailProxyError
from mail_proxy.domain.safe_text import safe_page, safe_text
from mail_proxy.forms import yes_or_no
from mail_proxy.repl.asking import Declined, error_line

AWAIT_HINT = "proxy waits by itself: leave out 'await'"
INTERRUPTED = "Interrupted. What was asked may have been done all the same."


def tell_error(error: MailProxyError) -> None:
    """One line, and what to do next."""
    if isinstance(error, Declined):
        say(f"{str(error)[:1].upper()}{str(error)[1:]}.")
        return
    say(f"error: {error_line(error)}")
    if error.hint:
        say(f"  try: {error.hint}")


def tell_traceback(text: str) -> None:
    """Of the person's own code; an exception in it may hold foreign text."""
    print(safe_page(text).rstrip("\n"), file=sys.stderr, flush=True)


def say(line: str) -> None:
    print(safe_text(line, 1000), file=sys.stderr, flush=True)


def confirm(question: str, *, enter: bool = False) -> bool:
    """enter: what Enter alone means. Ctrl-C and Ctrl-D are no."""
    try:
        return yes_or_no.ask(safe_text(question, 400), input, say, enter=enter)
    except (EOFError, KeyboardInterrupt):
        print(file=sys.stderr)
        return False
