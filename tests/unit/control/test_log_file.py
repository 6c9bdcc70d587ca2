"""The log read from its file."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

from mail_proxy.control.log_file import log_lines
from tests.patience import PATIENCE_S

LINE = "2026-11-22T01:22:58.907Z INFO messages_accepted n={}"


async def test_the_last_lines_come_first_and_new_ones_follow(tmp_path: Path) -> None:
    path = tmp_path / "daemon.log"
    path.write_text("".join(f"{LINE.format(n)}\n" for n in range(5)))
    async with aclosing(log_lines(path, 2, poll_s=0.001)) as told, asyncio.timeout(PATIENCE_S):
        first = [await anext(told), await anext(told)]
        with path.open("a") as log:
            log.write(f"{LINE.format(5)}\nTraceback\n")
        new = [await anext(told), await anext(told)]
    assert [each["line"][-1] for each in first] == ["3", "4"]
    assert new == [
        {"line": LINE.format(5), "time": "2026-11-22T01:22:58.907Z", "level": "INFO"},
        {"line": "Traceback"},
    ]


async def test_a_log_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "daemon.log"
    async with aclosing(log_lines(path, 10, poll_s=0.001)) as told, asyncio.timeout(PATIENCE_S):
        first = asyncio.ensure_future(anext(told))
        await asyncio.wait([first], timeout=0.01)
        path.write_text(f"{LINE.format(0)}\n")
        assert (await first)["line"] == LINE.format(0)
