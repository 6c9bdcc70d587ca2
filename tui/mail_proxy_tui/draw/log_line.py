"""A line of the log as it is shown: its time to the second, its level, what it says. Pure."""

from __future__ import annotations

import re

from rich.text import Text

from mail_proxy.domain.safe_text import safe_text
from mail_proxy_tui.draw.cells import fitted
from mail_proxy_tui.draw.palette import Palette
from mail_proxy_tui.feed.base import LogLine

LEVELS = ("", "INFO", "WARNING", "ERROR")  # this one and those above; the first: all
_RANKS = {"DEBUG": 0, "INFO": 1, "WARNING": 2, "ERROR": 3, "CRITICAL": 4}
_SHORT = {"WARNING": "WARN", "CRITICAL": "CRIT"}
_LONGEST = 4000  # characters of one line
_HEAD = re.compile(r"[0-9T:.-]{20,}Z [A-Z]+ ")


def is_wanted(line: LogLine, level: str, *, was_wanted: bool) -> bool:
    """A line without a level belongs to the one before it, as those of a traceback do."""
    if not level:
        return True
    if not line.level:
        return was_wanted
    return _RANKS.get(line.level, 4) >= _RANKS[level]


def log_text(line: LogLine, palette: Palette) -> Text:
    """The whole line, made safe; who shows it cuts it."""
    said = safe_text(_HEAD.sub("", line.line, count=1) if line.time else line.line, _LONGEST)
    if not line.time:
        return Text(f"{'':17}{said}", palette.muted)
    time = f"{line.time[11:19]}Z" if len(line.time) > 19 else line.time
    level = fitted(_SHORT.get(line.level, line.level), 5) + " "
    return Text.assemble(
        " ", (safe_text(time), palette.muted), " ", (level, _style(line.level, palette)), said
    )


def _style(level: str, palette: Palette) -> str:
    match level:
        case "ERROR" | "CRITICAL":
            return palette.failed
        case "WARNING":
            return palette.deferred
        case "DEBUG":
            return palette.muted
        case _:
            return ""


def has(line: LogLine, words: str) -> bool:
    """Without regard to case."""
    return bool(words) and words.lower() in line.line.lower()
