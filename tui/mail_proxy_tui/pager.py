"""A message in the user's pager, the dashboard put aside meanwhile."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess

from mail_proxy.domain.safe_text import safe_text
from mail_proxy_tui.feed.base import Letter


def open_pager(letter: Letter) -> None:
    """Returns when it is closed. Without a usable pager the terminal is as it was."""
    text = "\n".join(safe_text(line, 10_000) for line in letter.raw.splitlines())
    words = shlex.split(os.environ.get("PAGER", "")) or ["less", "-R"]
    # There ctrl+c is the pager's, and goes to us too; a handler is not inherited, as SIG_IGN is.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        subprocess.run(words, input=text.encode(), check=False)  # noqa: S603 - the user's own
    except OSError:
        subprocess.run(["more"], input=text.encode(), check=False)  # noqa: S607
    finally:
        signal.signal(signal.SIGINT, before)
