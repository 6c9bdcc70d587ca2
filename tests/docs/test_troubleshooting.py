"""docs/troubleshooting.md has an answer to everything that `messages why` may say."""

from __future__ import annotations

import re
from pathlib import Path

from mail_proxy.domain.why import Cause

PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting.md"


def test_every_cause_has_a_row() -> None:
    table = PAGE.read_text(encoding="utf-8").split("| code | what to do |")[1].split("\n\n")[0]
    codes = [
        code
        for cell in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)
        for code in re.findall(r"`([^`]+)`", cell)
    ]

    assert sorted(codes) == sorted(Cause)
