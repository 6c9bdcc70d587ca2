"""What a check of `doctor` found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    PASS = "PASS"  # noqa: S105 - not a password
    WARN = "WARN"  # it works, and will not for long, or not as it should
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """check: a word or two. text: what was seen. fix: a command, or what to do; empty on PASS."""

    check: str
    level: Level
    text: str
    fix: str = ""


def passed(check: str, text: str) -> Finding:
    return Finding(check, Level.PASS, text)


def warned(check: str, text: str, fix: str) -> Finding:
    return Finding(check, Level.WARN, text, fix)


def failed(check: str, text: str, fix: str) -> Finding:
    return Finding(check, Level.FAIL, text, fix)
