"""`make pictures`: the dashboard as the manual shows it, drawn from the scenes of its tests."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from mail_proxy_tui.feed.base import Happening, Totals
from tests.unit.tui.fake_feed import NOW, numbers
from tests.unit.tui.stage import Stage, busy, staged

IMAGES = Path(__file__).parents[2] / "docs" / "images"
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_SENT = (3, 4, 6, 7, 8, 7, 6, 5, 5, 7, 9, 8, 7)


async def drawn() -> str:
    """The main screen at 140 by 40, after ten minutes of work."""
    feed = busy()
    async with staged(feed, size="140x40") as stage:
        await _work(stage)
        await stage.press("end", "k", "k")
        for number, (kind, who) in enumerate(
            (("sent", "ann"), ("sent", "bob"), ("deferred", "dan"))
        ):
            feed.happened.put_nowait(
                Happening(NOW + number, kind, "acme", "smtp-main", f"f00d9a1{number}",
                          "451 4.7.1 greylisted, try again" if who == "dan" else "250 2.0.0 queued")
            )  # fmt: skip
        await stage.until("f00d9a12")
        await stage.until("What now")
        picture = stage.app.export_screenshot(title="mail-proxy myserver top")
    # A picture of ours loads nothing from another host.
    return _FONTS.sub("", picture)


async def _work(stage: Stage) -> None:
    sent = deferred = 0
    for second in range(600):
        sent += _SENT[second // 20 % len(_SENT)]
        deferred += second % 9 == 0
        stage.board.history.add(1000.0 + second, Totals(sent, deferred, 2))
    stage.app.clock.now += 600
    stage.feed.queue = numbers(totals=Totals(sent, deferred, 2))
    stage.app.action_look()
    await stage.rest()


if __name__ == "__main__":
    (IMAGES / "dashboard.svg").write_text(asyncio.run(drawn()))
