"""Long text on a terminal: through `man`, through a pager, or as it is."""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from mail_proxy.cli.here import Here


def show_page(found: Here, page: Path) -> bool:
    """Show a page of the manual by `man`; False where it cannot, and nothing was shown."""
    man = shutil.which("man", path=found.environ.get("PATH", ""))
    if man is None or _pager(found) is None:
        return False
    return _run([man, "-l", str(page)], found.environ) == 0


def show_text(found: Here, text: str) -> None:
    """Text, a screen at a time where somebody sits and wants it so."""
    pager = _pager(found)
    program = shutil.which(pager[0], path=found.environ.get("PATH", "")) if pager else None
    if pager is None or program is None:
        found.writer.line(text)
        return
    environ = {"LESS": "FIRX", "LESSSECURE": "1", **found.environ}
    if _run([program, *pager[1:]], environ, text + "\n") != 0:
        found.writer.line(text)


def _pager(found: Here) -> list[str] | None:
    """The words of the pager's line; None: text is written as it is."""
    environ = found.environ
    if not (found.writer.is_for_people and found.writer.stdout.isatty()):
        return None
    if found.options.no_pager or environ.get("TERM", "dumb") == "dumb":
        return None
    try:
        given = shlex.split(environ.get("PAGER", "less -FIRX"))
    except ValueError:
        return None
    return None if given in ([], ["cat"]) else given


def _run(command: Sequence[str], environ: Mapping[str, str], text: str = "") -> int:
    with _interrupts_left_to_it():
        return subprocess.run(  # noqa: S603 - `man`, or what the person chose
            command,
            env={**environ},
            input=text.encode("utf-8", "backslashreplace") if text else None,
            stderr=subprocess.DEVNULL,
            check=False,
        ).returncode


@contextmanager
def _interrupts_left_to_it() -> Iterator[None]:
    """Ctrl-C means the pager; a handler, unlike SIG_IGN, does not outlive its exec."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
